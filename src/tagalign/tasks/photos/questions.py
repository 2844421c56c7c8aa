"""What is asked of every photo of a run: tags, masks, a region, a sentence, an answer, an embedding.

A question is plain values, so that other processes can put it to a model of their own; put to one, it answers batches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from PIL import Image

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.methods.choosing import choose_labels, obey
from tagalign.methods.looks.facts import refuse_other_labels
from tagalign.methods.protocols import (
    BatchSegmenter,
    BatchTagger,
    LookTaker,
    Method,
    PassSharer,
    Preparable,
    Referrer,
    Segmenter,
    Tagger,
    TemplateJudge,
)
from tagalign.methods.table import refuse_verb
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.answering import BatchAnswerer
from tagalign.tasks.captioning import BatchCaptioner
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.region_choice import OpenRegions, RegionChoice
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.regions.voting import part_instances, vote_regions
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

QuestionKind = Literal["tag", "look", "segment", "refer", "caption", "ask", "index"]

TAG_WINDOW = 4
"""Batches of a ``tag`` run or an index that are read before one is encoded, so that photos of one size find each other. The
others hold one: they need the photos themselves, which can be large."""


@runtime_checkable
class PhotoQuestion(Protocol):
    """Plain values.

    Attributes:
        kind: of the answers.
        window: batches that are read before one is encoded.
        keeps_photo: whether the photo is needed after it was encoded.
    """

    kind: ClassVar[QuestionKind]
    window: ClassVar[int]
    keeps_photo: ClassVar[bool]

    def put(self, method: Method[Any]) -> "Asked":
        """The question, ready for a model.

        Raises:
            InputError: if the method cannot answer it.
        """
        ...

    def describe(self) -> dict[str, object]:
        """What a result must name beside the model; equal descriptions give equal results."""
        ...


class Asked:
    """A question put to a model; the base of all.

    Attributes:
        question: that was put.
        method: that answers.
        labels: encoded by it, where the question has any.
    """

    def __init__(self, question: Any, method: Any, labels: EncodedLabels | None = None) -> None:
        self.question = question
        self.method = method
        self.labels = labels

    @property
    def window(self) -> int:
        """Batches that are read before one is encoded."""
        return int(self.question.window)

    def recall(self, source: PhotoSource) -> OpenedPhoto | None:
        """A photo that needs not be opened, because ``encode`` has it already; None for all others."""
        return None

    def lay(self, image: Image.Image) -> Any:
        """The photo as the encoder's input where the method can make that ahead, in a thread; else None."""
        return self.method.lay(image) if isinstance(self.method, Preparable) else None

    def pass_shape(self, read: OpenedPhoto) -> tuple[int, ...]:
        """Of a photo: equal for those that are encoded together."""
        if isinstance(self.method, PassSharer):
            return self.method.pass_shape(read.size)
        return read.shape

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[Any]:
        """Photos of one ``pass_shape``, encoded."""
        return encode_opened(self.method, chunk)

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Any]:
        """One answer for each encoded photo."""
        raise NotImplementedError

    def finish(self, answer: Any, read: OpenedPhoto) -> tuple[Any, str | None]:
        """The answer with what lies beside the photo, and a note about that for people."""
        return answer, None

    def describe(self) -> dict[str, object]:
        """What a result must name beside the model, that which was opened for the question with it."""
        described: dict[str, object] = self.question.describe()
        return described


def encode_opened(method: Any, chunk: Sequence[OpenedPhoto]) -> list[Any]:
    """Photos that share a pass, encoded by a method that lays them as the asked one does."""
    if chunk[0].pixels is not None:
        return list(method.encode_pixels([read.pixels for read in chunk], [read.size for read in chunk]))
    return list(method.encode_images([read.image for read in chunk]))


def refuse(method: Any, verb: str) -> InputError:
    """The refusal of a method that cannot do what a verb does."""
    return refuse_verb(f"method {method.method!r}", verb)


def check_look(method: Any, labels: LabelSet) -> None:
    """Say before the first photo that a look holds for other labels.

    Raises:
        InputError: naming what differs.
    """
    if isinstance(method, LookTaker) and method.step is not None:
        refuse_other_labels(method.step.look, labels, method.step.where)


# --- tags -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TagQuestion:
    """Which labels are in the photo?

    Attributes:
        labels: that are asked.
        threshold: replaces the method's own choice.
        learned: thresholds of single labels, from a person's clicks; they go before it.
    """

    kind: ClassVar[QuestionKind] = "tag"
    window: ClassVar[int] = TAG_WINDOW
    keeps_photo: ClassVar[bool] = False

    labels: LabelSet
    threshold: Threshold | None = None
    learned: Mapping[str, float] = field(default_factory=dict)

    def put(self, method: Method[Any]) -> "AskedTags":
        """See ``PhotoQuestion``."""
        if not isinstance(method, Tagger):
            raise refuse(method, "tag")
        check_look(method, self.labels)
        return AskedTags(self, method, method.encode_labels(self.labels))

    def describe(self) -> dict[str, object]:
        """See ``PhotoQuestion``."""
        chosen = None if self.threshold is None else asdict(self.threshold)
        learned = {"learned": dict(self.learned)} if self.learned else {}
        return {"label_set": asdict(self.labels), "threshold": chosen, **learned}


class AskedTags(Asked):
    """``TagQuestion``, put to a tagger."""

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Tagging]:
        """See ``Asked``."""
        if isinstance(self.method, BatchTagger):
            found = self.method.tag_batch(encoded, self.labels)
        else:
            found = [self.method.tag(value, self.labels) for value in encoded]
        return [self._choose(tagging) for tagging in found]

    def _choose(self, tagging: Tagging) -> Tagging:
        threshold, learned = self.question.threshold, self.question.learned
        if threshold is not None:
            tagging = replace(tagging, chosen=choose_labels(threshold, tagging.scores, self.question.labels))
        if not learned:
            return tagging
        before, scores = set(tagging.chosen), tagging.scores
        kept = [
            i
            for i, name in enumerate(tagging.names)
            if (scores[i] >= learned[name] if name in learned else i in before)
        ]
        best_first = sorted(kept, key=lambda i: -scores[i])
        return replace(tagging, chosen=obey(best_first, scores, self.question.labels))


# --- masks and regions ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SegmentQuestion:
    """Which label has each pixel?

    Attributes:
        labels: that are asked.
        regions: masks of others that vote, and are the instances.
        min_area: without them, connected parts of at least so many pixels are the instances; None for no instances.
    """

    kind: ClassVar[QuestionKind] = "segment"
    window: ClassVar[int] = 1
    keeps_photo: ClassVar[bool] = True

    labels: LabelSet
    regions: RegionChoice | None = None
    min_area: int | None = None

    def put(self, method: Method[Any]) -> "AskedMasks":
        """See ``PhotoQuestion``."""
        if not isinstance(method, Segmenter):
            raise refuse(method, "segment")
        check_look(method, self.labels)
        if isinstance(method, TemplateJudge):
            method.check_masks()
        opened = None if self.regions is None else self.regions.open()
        return AskedMasks(self, method, method.encode_labels(self.labels), opened)

    def describe(self) -> dict[str, object]:
        """See ``PhotoQuestion``."""
        parts = {} if self.min_area is None else {"min_area": self.min_area}
        return {"label_set": asdict(self.labels), "threshold": None, **parts}


class AskedMasks(Asked):
    """``SegmentQuestion``, put to a segmenter.

    Attributes:
        regions: opened, where there are any.
    """

    def __init__(
        self, question: Any, method: Any, labels: EncodedLabels, regions: OpenRegions | None = None
    ) -> None:
        super().__init__(question, method, labels)
        self.regions = regions

    def describe(self) -> dict[str, object]:
        """See ``Asked``."""
        return super().describe() | ({} if self.regions is None else {"regions": self.regions.described})

    def finish(self, answer: Segmentation, read: OpenedPhoto) -> tuple[Segmentation, str | None]:
        """See ``Asked``."""
        if self.regions is not None and read.image is not None:
            found = self.regions.source.of(read.source, read.image).resized(read.size)
            notes = [*found.notes, *([] if len(found) else ["no region was found in it"])]
            return vote_regions(answer, found, self.regions.options), "; ".join(notes) or None
        if self.question.min_area is not None:
            return part_instances(answer, min_area=self.question.min_area), None
        return answer, None

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Segmentation]:
        """See ``Asked``."""
        if isinstance(self.method, BatchSegmenter):
            return self.method.segment_batch(encoded, self.labels, [p for p in photos if p is not None])
        pairs = zip(encoded, photos, strict=True)
        return [self.method.segment(value, self.labels, photo=photo) for value, photo in pairs]


@dataclass(frozen=True, kw_only=True)
class ReferQuestion:
    """Which region does a phrase mean?"""

    kind: ClassVar[QuestionKind] = "refer"
    window: ClassVar[int] = 1
    keeps_photo: ClassVar[bool] = True

    phrase: str

    def put(self, method: Method[Any]) -> "AskedRegions":
        """See ``PhotoQuestion``."""
        if not isinstance(method, Referrer):
            raise refuse(method, "refer")
        return AskedRegions(self, method)

    def describe(self) -> dict[str, object]:
        """See ``PhotoQuestion``."""
        return asdict(self)


class AskedRegions(Asked):
    """``ReferQuestion``, put to a referrer."""

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Referring]:
        """See ``Asked``."""
        return [self.method.refer(value, self.question.phrase) for value in encoded]


# --- sentences --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CaptionQuestion:
    """What does the photo show?

    Attributes:
        tags: that the sentence shall be about; None for what the model recognises.
        both: given tags first, then recognised ones.
    """

    kind: ClassVar[QuestionKind] = "caption"
    window: ClassVar[int] = 1
    keeps_photo: ClassVar[bool] = False

    tags: tuple[str, ...] | None = None
    both: bool = False

    def put(self, method: Method[Any]) -> "AskedCaptions":
        """See ``PhotoQuestion``."""
        if not isinstance(method, BatchCaptioner):
            raise InputError(
                f"method {method.method!r} writes no captions; use a Tag2Text model (--method tag2text)"
            )
        return AskedCaptions(self, method)

    def describe(self) -> dict[str, object]:
        """See ``PhotoQuestion``."""
        return asdict(self)


class AskedCaptions(Asked):
    """``CaptionQuestion``, put to a captioner."""

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Caption]:
        """See ``Asked``."""
        given = None if self.question.tags is None else [self.question.tags] * len(encoded)
        return list(self.method.captions(encoded, given, both=self.question.both))


@dataclass(frozen=True, kw_only=True)
class AskQuestion:
    """What is the answer to a question?

    Attributes:
        question: in words.
        use_tags: join the recognised tags to it.
    """

    kind: ClassVar[QuestionKind] = "ask"
    window: ClassVar[int] = 1
    keeps_photo: ClassVar[bool] = False

    question: str
    use_tags: bool = True

    def put(self, method: Method[Any]) -> "AskedAnswers":
        """See ``PhotoQuestion``."""
        if not isinstance(method, BatchAnswerer):
            raise InputError(
                f"method {method.method!r} answers no questions; use a Tag2Text model (--method tag2text)"
            )
        return AskedAnswers(self, method)

    def describe(self) -> dict[str, object]:
        """See ``PhotoQuestion``."""
        return asdict(self)


class AskedAnswers(Asked):
    """``AskQuestion``, put to an answerer."""

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[str]:
        """See ``Asked``."""
        questions = [self.question.question] * len(encoded)
        return list(self.method.answers(encoded, questions, use_tags=self.question.use_tags))

"""What a look asks of every photo: the tagger's own scores, which are kept and later seen against each other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.looks.profiles import LookProfileName
from tagalign.methods.protocols import CompoundScorer, LookTaker, Method, PatchLearner, Tagger, TemplateJudge
from tagalign.tasks.folder_look.kept import KeptPhotos
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import AskedTags, QuestionKind, TagQuestion, encode_opened, refuse
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import SCORES, AnswerRow, Table
from tagalign.types import Tagging


@dataclass(frozen=True, kw_only=True)
class LookQuestion(TagQuestion):
    """How sure is the tagger of each label?

    Attributes:
        profile: how the scores are laid before they are compared; see ``methods.looks.profiles``.
        compounds: sentences that name labels, scored beside them; their scores follow those of the labels.
        experts: whether the templates of each label are judged too.
    """

    kind: ClassVar[QuestionKind] = "look"

    profile: LookProfileName = "fixed"
    compounds: tuple[str, ...] = ()
    experts: bool = False

    def put(self, method: Method[Any]) -> "AskedLook":
        """See ``Question``.

        Raises:
            InputError: for a method without tags, or one that has a look already.
        """
        if not isinstance(method, Tagger) or not isinstance(method, LookTaker):
            raise refuse(method, "tag")
        if method.describe().get("look") is not None:
            raise InputError(
                "a look is made of a tagger's own scores; leave out the look that it was opened with"
            )
        if self.compounds and not isinstance(method, CompoundScorer):
            raise InputError(
                f"method {method.method!r} cannot score compound prompts beside the labels without changing their scores; "
                "look without --compounds, or with a method such as clip or surgery"
            )
        if self.experts and not isinstance(method, TemplateJudge):
            raise InputError(
                f"method {method.method!r} cannot be asked with each template by itself; look without --experts, or with a "
                "method such as clip or surgery"
            )
        return AskedLook(self, method)

    def describe(self) -> dict[str, object]:
        """See ``Question``."""
        described: dict[str, object] = {"label_set": asdict(self.labels), "profile": self.profile}
        # runs without them go on as they began
        if self.compounds:
            described["compounds"] = list(self.compounds)
        if self.experts:
            described["experts"] = True
        return described


class AskedLook(AskedTags):
    """``LookQuestion``, put to a tagger.

    Attributes:
        text: of every template, for a look that judges them.
        whole: the tagger itself; what answers is, for one that learns from patches, their comparison with the text.
        kept: photos for a second pass of a tagger that learns from patches; None where there is none.
    """

    def __init__(self, question: LookQuestion, whole: Any) -> None:
        method = whole.by_text if isinstance(whole, PatchLearner) else whole
        labels = method.encode_labels(question.labels)
        if question.compounds:
            labels = method.with_compounds(labels, question.compounds)
        self.text = method.template_text(question.labels) if question.experts else None
        super().__init__(question, method, labels)
        self.whole = whole
        self.kept: KeptPhotos | None = None

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[Any]:
        """See ``Asked``."""
        if self.kept is None:
            return super().encode(chunk)
        # by the tagger itself, whose value holds what the text is compared with and the class token beside
        found = encode_opened(self.whole, chunk)
        for read, encoded in zip(chunk, found, strict=True):
            self.kept.add(read, encoded)
        return found

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Tagging]:
        """See ``Asked``."""
        found, prompts = super().answers(encoded, photos), self.question.compounds
        if not prompts:
            return found
        scores = [tuple(self.method.compound_scores(value, self.labels)) for value in encoded]
        return [
            replace(one, names=one.names + prompts, scores=one.scores + more)
            for one, more in zip(found, scores, strict=True)
        ]

    def describe(self) -> dict[str, object]:
        """See ``Asked``; a bank of another size is another look."""
        if not isinstance(self.whole, PatchLearner):
            return super().describe()
        return super().describe() | {"bank": asdict(self.whole.bank_sizes(len(self.question.labels)))}


class ScoreRows:
    """Scores of all labels, in Parquet, apart from the tags of a run in the same folder.

    Which labels are chosen and how sure that is means nothing before the look is there: those columns stay empty.
    """

    table: Table = SCORES
    files: tuple[str, ...] = ()

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        if answered.size is None:
            raise AssertionError("a failed photo has no row")
        scores = list(answered.answer.scores)
        return {"key": answered.source.key, "size": list(answered.size), "scores": scores}

"""What a look asks of every photo: the tagger's own scores, which are kept and later seen against each other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from tagalign.errors import InputError
from tagalign.methods.looks.profiles import LookProfileName
from tagalign.methods.protocols import LookTaker, Method, PatchLearner, Tagger
from tagalign.tasks.folder_look.kept import KeptPhotos
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import AskedTags, Kind, TagQuestion, refuse
from tagalign.tasks.photos.sinks import TagParquet
from tagalign.tasks.photos.tables import SCORES


@dataclass(frozen=True, kw_only=True)
class LookQuestion(TagQuestion):
    """How sure is the tagger of each label?

    Attributes:
        profile: how the scores are laid before they are compared; see ``methods.looks.profiles``.
    """

    kind: ClassVar[Kind] = "look"

    profile: LookProfileName = "fixed"

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
        return AskedLook(self, method)

    def describe(self) -> dict[str, object]:
        """See ``Question``."""
        return {"label_set": asdict(self.labels), "profile": self.profile}


class AskedLook(AskedTags):
    """``LookQuestion``, put to a tagger.

    Attributes:
        whole: the tagger itself; what answers is, for one that learns from patches, their comparison with the text.
        kept: photos for a second pass of a tagger that learns from patches; None where there is none.
    """

    def __init__(self, question: LookQuestion, whole: Any) -> None:
        method = whole.by_text if isinstance(whole, PatchLearner) else whole
        super().__init__(question, method, method.encode_labels(question.labels))
        self.whole = whole
        self.kept: KeptPhotos | None = None

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[Any]:
        """See ``Asked``."""
        if self.kept is None:
            return super().encode(chunk)
        # by the tagger itself, whose value holds what the text is compared with and the class token beside
        found = list(self.whole.encode_images([read.image for read in chunk]))
        for read, encoded in zip(chunk, found, strict=True):
            self.kept.add(read.source.key, encoded)
        return found

    def describe(self) -> dict[str, object]:
        """See ``Asked``; a bank of another size is another look."""
        if not isinstance(self.whole, PatchLearner):
            return super().describe()
        return super().describe() | {"bank": asdict(self.whole.bank_sizes(len(self.question.labels)))}


class ScoreRows(TagParquet):
    """Scores of all labels, in Parquet, apart from the tags of a run in the same folder."""

    table = SCORES

"""Flags about a frozen tagger whose scores are distilled, for every method that learns from pairs."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tagalign.cli.verbs.train.trainer_flags import TrainerFlags
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.data.pair_records import ShardRef
    from tagalign.train.tagalign.distillation import Distilled

TOP = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherFlags(TrainerFlags):
    """What a frozen tagger teaches, beside the other losses."""

    teacher: Path | None = None
    """Scores of a frozen tagger for the photos of the pairs: a folder that `tagalign tag` wrote, with any method."""
    teacher_weight: float | None = None
    """Weight of the distillation of --teacher; 1 by default."""
    teacher_top: int | None = None
    """Labels of a photo whose scores count, the best first; 10 by default. 1 makes the target hard."""
    teacher_student: Literal["classifiers", "words"] | None = None
    """What --teacher teaches: `classifiers` of its own for objects and for attributes (DiHT's, and the default), or the
    embeddings of its labels' `words`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [
            name for name in ("weight", "top", "student") if getattr(self, f"teacher_{name}") is not None
        ]
        if self.teacher is None and given:
            raise InputError(
                f"--teacher-{given[0]} belongs to --teacher; give the scores too, or leave it out"
            )
        if self.teacher_weight is not None and not self.teacher_weight > 0:
            raise InputError(
                f"--teacher-weight must be above 0, got {self.teacher_weight:g}; leave out --teacher for a run without it"
            )
        if self.teacher_top is not None and self.teacher_top < 1:
            raise InputError(f"--teacher-top must be at least 1, got {self.teacher_top}")

    def teacher_losses(self) -> dict[str, float]:
        """The weight of the distillation; nothing where no tagger is given, so that older runs go on."""
        return {} if self.teacher is None else {"distillation": self.teacher_weight or 1.0}

    def open_teacher(self, refs: "list[ShardRef]", vocabulary: Path | None) -> "Distilled | None":
        """The scores by the keys of pairs; None where no tagger is given.

        Args:
            refs: the pairs that are trained on.
            vocabulary: says which labels are attributes.

        Raises:
            DataError: for a folder that holds no scores of these pairs.
        """
        if self.teacher is None:
            return None
        from tagalign.data.teacher_scores import load_teacher
        from tagalign.tags.vocabulary import TagVocabulary
        from tagalign.train.tagalign.distillation import Distilled

        kinds: TagVocabulary | None = None if vocabulary is None else TagVocabulary.load(vocabulary)
        teacher = load_teacher(self.teacher, refs, top=self.teacher_top or TOP, vocabulary=kinds)
        return Distilled(teacher=teacher, student=self.teacher_student or "classifiers")

"""A frozen tagger's scores as a loss term: into classifiers of their own, as DiHT, or into the embeddings of words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.data.teacher_scores import TeacherScores
from tagalign.errors import InputError
from tagalign.ops.distillation import distillation_loss
from tagalign.ops.tag_losses.softmax import Softmax
from tagalign.ops.tag_rows import TagRows
from tagalign.train.tagalign.aligner import Embeds, TagTerm

Student = Literal["classifiers", "words"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Distilled:
    """What is distilled, and into what.

    Attributes:
        teacher: scores of the frozen tagger.
        student: ``classifiers``, one linear layer on the pooled image embedding for each kind of label (the paper's, which
            inference does without), or ``words``, the embeddings of the labels with a temperature of their own.
    """

    teacher: TeacherScores
    student: Student = "classifiers"

    def facts(self) -> dict[str, Any]:
        """What shapes a run, as JSON values."""
        return {
            "teacher": self.teacher.mark,
            "teacher_labels": len(self.teacher.names),
            "teacher_student": self.student,
        }


class ClassifierDistillation(nn.Module):
    """DiHT's distillation: linear classifiers that see the pooled image embedding, and nothing of the text encoder.

    ``L = mean over kinds of distillation_loss(W z + b, scores)``. They start at 0: a run with
    them starts like one without.

    Args:
        dim: of the joint space.
        parts: labels of each kind; each kind has a softmax of its own.
    """

    def __init__(self, dim: int, parts: Sequence[int]) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.classifier = nn.Linear(dim, sum(parts))
        # no draw: the same start for every seed, and the losses of labels nobody has seen are alike
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, embeds: Embeds) -> Float[Tensor, ""]:
        """Mean over the kinds, in nats."""
        rows, logits = _teacher(embeds), self.classifier(embeds.images)
        start, values = 0, []
        for length in self.parts:
            stop = start + length
            values.append(distillation_loss(logits[:, start:stop], rows.between(start, stop)))
            start = stop
        return torch.stack(values).mean()


class WordDistillation(TagTerm):
    """The tag loss whose targets are the tagger's scores: a softmax over the words of its labels.

    Args:
        word_embeds: one per label of the tagger.
        parts: labels of each kind.
        temperature: start value.
    """

    def __init__(
        self, word_embeds: Float[Tensor, "labels dim"], parts: Sequence[int], *, temperature: float
    ) -> None:
        # counts are a corpus's, and a tagger has none: they weigh nothing in this loss
        counts = [1] * len(word_embeds)
        super().__init__(word_embeds, counts, loss=Softmax(), temperature=temperature, parts=parts)

    def forward(self, embeds: Embeds) -> Float[Tensor, ""]:
        """Mean over the kinds, in nats."""
        return super().forward(replace(embeds, tags=_teacher(embeds)))


def _teacher(embeds: Embeds) -> TagRows:
    if embeds.teacher is None:
        raise InputError("the distillation needs scores of a tagger; give them, or set its weight to 0")
    return embeds.teacher

"""The last step of every tagger: scores become a tagging, by way of a look at the folder where there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.methods.choosing import choose_labels, lost
from tagalign.methods.looks.facts import refuse_other_labels, refuse_other_model
from tagalign.methods.looks.files import read_look
from tagalign.methods.looks.look import Look
from tagalign.methods.thresholds import Threshold
from tagalign.types import Tagging


@dataclass(frozen=True, kw_only=True, eq=False)
class LookStep:
    """A look that fits the tagger.

    Attributes:
        look: what was learned.
        where: it lies, for messages.
    """

    look: Look
    where: str

    @property
    def prompts(self) -> tuple[str, ...]:
        """Compound prompts that a tagger scores beside the labels; none for a look without."""
        return () if self.look.compounds is None else self.look.compounds.prompts

    def scores(
        self, scores: Sequence[float], labels: LabelSet, prompts: Sequence[float] | None = None
    ) -> tuple[float, ...]:
        """The tagger's own scores as seen against the folder.

        Args:
            scores: of the labels.
            labels: that were asked.
            prompts: scores of ``prompts``.

        Raises:
            InputError: for labels that the look does not hold for.
        """
        return self.score_rows([scores], labels, None if prompts is None else [prompts])[0]

    def score_rows(
        self,
        rows: Sequence[Sequence[float]],
        labels: LabelSet,
        prompts: Sequence[Sequence[float]] | None = None,
    ) -> list[tuple[float, ...]]:
        """``scores`` of many photos, which depend on nothing but their own."""
        refuse_other_labels(self.look, labels, self.where)
        if not rows:
            return []
        # float32, in which the rows of the look were stored: a photo tagged later gets the score that it had in the folder
        own = torch.tensor(rows, dtype=torch.float32)
        compound = None if prompts is None else torch.tensor(prompts, dtype=torch.float32)
        return list(map(tuple, self.look.scores(own, compound).float().tolist()))

    def bank(self, labels: LabelSet) -> dict[str, Tensor]:
        """The tensors that a method learned.

        Raises:
            InputError: for labels that the look does not hold for, or a look without tensors.
        """
        refuse_other_labels(self.look, labels, self.where)
        if not self.look.tensors:
            raise InputError(
                f"{self.where}: this look kept no patches; look at the folder again with this method"
            )
        return dict(self.look.tensors)


def open_step(path: Path | None, facts: Mapping[str, Any]) -> LookStep | None:
    """The step of a tagger.

    Args:
        path: of the look; None for none.
        facts: that the tagger's scores depend on.

    Raises:
        InputError: if there is no look at the path, or another tagger made it.
    """
    if path is None:
        return None
    look = read_look(path)
    refuse_other_model(look, facts, str(path))
    return LookStep(look=look, where=str(path))


def finish_tagging(
    scores: Sequence[float],
    labels: LabelSet,
    threshold: Threshold,
    step: LookStep | None,
    *,
    prompts: Sequence[float] | None = None,
) -> Tagging:
    """Scores of all labels and the chosen ones; with a look both are those against the folder.

    Args:
        scores: a tagger's own.
        labels: that were asked.
        threshold: that chooses.
        step: the look; None without.
        prompts: scores of the compound prompts of a look that has any.
    """
    if step is not None:
        return tagging_against(scores, step.scores(scores, labels, prompts), labels, threshold)
    final = tuple(scores)
    return Tagging(names=labels.names, scores=final, chosen=choose_labels(threshold, final, labels))


def tagging_against(
    scores: Sequence[float], against: Sequence[float], labels: LabelSet, threshold: Threshold
) -> Tagging:
    """A tagging by scores against the folder; a label that lost the photo to one of its negatives has none.

    Args:
        scores: the tagger's own.
        against: the same as seen against the folder.
        labels: that were asked.
        threshold: that chooses.
    """
    final = tuple(0.0 if lost(i, scores, labels) else score for i, score in enumerate(against))
    return Tagging(names=labels.names, scores=final, chosen=choose_labels(threshold, final, labels))


def mark_of(step: LookStep | None) -> str | None:
    """What a result names of the look."""
    return None if step is None else step.look.mark()

"""Compound prompts of a look: how a folder weighs their scores and a label's own into one.

SPARC's second half in the spec's profile ``fixed``: the fused scores are standardised once more, so that labels of one photo
can be compared. Reference: Miller et al., CVPR 2025, arXiv:2502.16911.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.looks.compound import fuse_compounds
from tagalign.ops.looks.moments import Moments
from tagalign.ops.looks.standardise import standardise

SentenceWeights = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Compounds:
    """Plain values.

    Attributes:
        prompts: sentences.
        members: prompts of each label.
        moments: of the laid scores of the prompts.
        weights: of the prompts of each label, lowest score first, and its own score last; empty for a label without any.
        fused: moments of the mean of fused and own score.
    """

    prompts: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    moments: Moments
    weights: SentenceWeights
    fused: Moments

    def standard(
        self, single: Float[Tensor, "photos labels"], compound: Float[Tensor, "photos prompts"]
    ) -> Float[Tensor, "photos labels"]:
        """Standardised scores of labels and laid ones of prompts, as one standardised score of each label."""
        (mean, deviation), (fused_mean, fused_deviation) = self._rows
        merged = halves(single, standardise(compound, mean, deviation), self.members, self.weights)
        return standardise(merged, fused_mean, fused_deviation)

    @cached_property
    def _rows(self) -> list[tuple[Tensor, Tensor]]:
        """Means and deviations; exact sums are divided once and not for every photo."""
        pairs = [(one.mean(), one.deviation()) for one in (self.moments, self.fused)]
        return [
            (torch.from_numpy(mean)[None], torch.from_numpy(deviation)[None]) for mean, deviation in pairs
        ]

    def values(self) -> dict[str, Any]:
        """As JSON values; ``from_values`` reads them."""
        return {
            "prompts": list(self.prompts),
            "members": [list(ids) for ids in self.members],
            "moments": self.moments.values(),
            "weights": [list(row) for row in self.weights],
            "fused": self.fused.values(),
        }

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Compounds":
        """Back from ``values``.

        Raises:
            ValueError, KeyError, TypeError: for anything else.
        """
        return cls(
            prompts=tuple(values["prompts"]),
            members=tuple(tuple(ids) for ids in values["members"]),
            moments=Moments.from_values(values["moments"]),
            weights=tuple(tuple(map(float, row)) for row in values["weights"]),
            fused=Moments.from_values(values["fused"]),
        )


def halves(
    single: Float[Tensor, "photos labels"],
    compound: Float[Tensor, "photos prompts"],
    members: tuple[tuple[int, ...], ...],
    weights: SentenceWeights,
) -> Float[Tensor, "photos labels"]:
    """``(fused + single) / 2`` of standardised scores; a label without prompts keeps its own."""
    directions = [torch.tensor(row, dtype=single.dtype) for row in weights]
    return (fuse_compounds(compound, single, members, directions) + single) / 2

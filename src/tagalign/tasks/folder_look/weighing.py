"""Weights of compound prompts from the stored scores of a folder: three passes over rows, a thousand photos in memory.

All sums are exact, so that any shards give the same weights.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.methods.looks.compounds import Compounds, SentenceWeights, halves
from tagalign.ops.looks.compound import principal_direction, ranked_columns
from tagalign.ops.looks.exact_sums import ExactSums
from tagalign.ops.looks.moments import Moments
from tagalign.ops.looks.standardise import standardise
from tagalign.tags.compound.membership import members_by_label

ScorePairs = Callable[[], Iterable[tuple[Float[Tensor, "photos labels"], Float[Tensor, "photos prompts"]]]]
"""Laid scores of labels and of prompts, some photos at a time; can be asked for again."""


def weigh(prompts: tuple[str, ...], labels: LabelSet, pairs: ScorePairs, single: Moments) -> Compounds:
    """What a folder says about compound prompts.

    Args:
        prompts: sentences.
        labels: that they name.
        pairs: the scores.
        single: moments of the laid scores of the labels.

    Raises:
        InputError: for a label with more prompts than the photos can weigh.
    """
    members = tuple(members_by_label(prompts, labels))
    for name, ids in zip(labels.names, members, strict=True):
        if ids and single.count <= len(ids) + 1:
            raise InputError(
                f"{len(ids)} compound prompts name {name!r}, {single.count} photos can weigh at most "
                f"{max(0, single.count - 2)}; look at more photos, or give fewer prompts"
            )
    moments = Moments.zeros(len(prompts))
    for _, compound in pairs():
        moments += Moments.of(compound.numpy())

    def standardised() -> Iterable[tuple[Tensor, Tensor]]:
        means = [
            (torch.from_numpy(m.mean())[None], torch.from_numpy(m.deviation())[None])
            for m in (single, moments)
        ]
        for own, compound in pairs():
            yield standardise(own, *means[0]), standardise(compound, *means[1])

    weights = _weights(members, standardised)
    fused = Moments.zeros(len(labels))
    for own, compound in standardised():
        fused += Moments.of(halves(own, compound, members, weights).numpy())
    return Compounds(prompts=prompts, members=members, moments=moments, weights=weights, fused=fused)


def _weights(members: tuple[tuple[int, ...], ...], standardised: ScorePairs) -> SentenceWeights:
    totals = [Products.zeros(len(ids) + 1) if ids else None for ids in members]
    for own, compound in standardised():
        for label, total in enumerate(totals):
            if total is not None:
                total.add(ranked_columns(compound[:, list(members[label])], own[:, label]).numpy())
    return tuple(
        () if total is None else tuple(principal_direction(total.covariance()).tolist()) for total in totals
    )


class Products:
    """Exact sums of columns and of their products, for a covariance."""

    def __init__(self, columns: int, sums: ExactSums, products: ExactSums) -> None:
        self.pair = np.triu_indices(columns)
        self.columns, self.count = columns, 0
        self.sums, self.products = sums, products

    @classmethod
    def zeros(cls, columns: int) -> "Products":
        """Of no rows."""
        return cls(columns, ExactSums.zeros(columns), ExactSums.zeros(columns * (columns + 1) // 2))

    def add(self, rows: Float[np.ndarray, "rows columns"]) -> None:
        """Take some rows; rounded to float32 first, so that a product is exact in float64."""
        values = np.asarray(rows, dtype=np.float32).astype(np.float64)
        self.count += len(values)
        self.sums += ExactSums.of(values)
        self.products += ExactSums.of(values[:, self.pair[0]] * values[:, self.pair[1]])

    def covariance(self) -> Float[Tensor, "columns columns"]:
        """With ``count - 1`` below; needs two rows."""
        sums, products = self.sums.fractions(), self.products.fractions()
        matrix = torch.zeros(self.columns, self.columns, dtype=torch.float64)
        for i, j, product in zip(*self.pair, products, strict=True):
            covered = (product - sums[i] * sums[j] / self.count) / Fraction(self.count - 1)
            matrix[i, j] = matrix[j, i] = float(covered)
        return matrix

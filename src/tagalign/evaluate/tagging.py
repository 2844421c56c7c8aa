"""Tagging scores: average precision per label, and precision, recall and F1 of chosen tags.

All scores are fractions in [0, 1]; tables multiply by 100. Truth is 1 present, 0 absent, -1 not to be counted.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

EmptyClass = Literal["skip", "zero"]
"""What a label without positives counts as in the mean: left out, or 0 (the released code of TagCLIP and RAM)."""


def average_precision(scores: Float[Tensor, " images"], truth: Integer[Tensor, " images"]) -> float:
    """Un-interpolated average precision of one label: mean over positives of the precision at their rank.

    Equal scores share one rank (the last of their group), so the order of the images does not matter.

    Args:
        scores: higher is surer; any range, finite.
        truth: 1 present, 0 absent, -1 not to be counted.

    Returns:
        In [0, 1]; NaN without positives.
    """
    counted = truth >= 0
    order = scores[counted].argsort(descending=True, stable=True)
    hits = (truth[counted][order] == 1).double()
    positives = float(hits.sum())
    if not positives:
        return math.nan
    ranked = scores[counted][order]
    # a positive has the precision at the end of its group of equal scores: the order of images must not decide
    last_of_group = (
        torch.cat([ranked[1:] != ranked[:-1], torch.ones(1, dtype=torch.bool)]).nonzero().flatten()
    )
    found = hits.cumsum(0)[last_of_group]
    new = torch.diff(found, prepend=found.new_zeros(1))
    return float((new * found / (last_of_group + 1)).sum()) / positives


def average_precisions(
    scores: Float[Tensor, "images labels"], truth: Integer[Tensor, "images labels"]
) -> Float[Tensor, " labels"]:
    """``average_precision`` of every label, float64; NaN for labels without positives."""
    pairs = zip(scores.T, truth.T, strict=True)
    return torch.tensor([average_precision(s, t) for s, t in pairs], dtype=torch.float64)


def mean_average_precision(precisions: Float[Tensor, " labels"], *, empty: EmptyClass = "skip") -> float:
    """Mean over labels (mAP); ``empty`` says what a label without positives counts as. NaN when there is nothing to mean."""
    return float(precisions.nanmean() if empty == "skip" else precisions.nan_to_num(0.0).mean())


@dataclass(frozen=True, kw_only=True)
class PrecisionRecall:
    """Precision, recall and F1, in [0, 1]."""

    precision: float
    recall: float
    f1: float


def precision_recall(
    chosen: Bool[Tensor, "images labels"],
    truth: Integer[Tensor, "images labels"],
    *,
    average: Literal["micro", "macro"],
) -> PrecisionRecall:
    """Precision, recall and F1 of chosen tags.

    Args:
        chosen: which tags were given.
        truth: 1 present, 0 absent, -1 not to be counted.
        average: ``micro`` counts all decisions together; ``macro`` averages precision and recall over labels, and
            F1 is computed from these two means (``CF1`` of the multi-label literature).

    Returns:
        0 where nothing was chosen (precision) or nothing is present (recall), in ``macro`` per label.
    """
    counted = truth >= 0
    hits = (chosen & (truth == 1)).sum(0).double()
    given = (chosen & counted).sum(0).double()
    present = (truth == 1).sum(0).double()
    if average == "micro":
        hits, given, present = hits.sum(), given.sum(), present.sum()
    precision = float(_ratio(hits, given).mean())
    recall = float(_ratio(hits, present).mean())
    total = precision + recall
    return PrecisionRecall(
        precision=precision, recall=recall, f1=2 * precision * recall / total if total else 0.0
    )


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=1), 0.0)


def label_recall(
    chosen: Bool[Tensor, "images labels"], truth: Integer[Tensor, "images labels"]
) -> Float[Tensor, " labels"]:
    """Recall per label, float64; NaN for a label without positives."""
    return (chosen & (truth == 1)).sum(0).double() / (truth == 1).sum(0).double()

"""SPARC's normalisation of a table of scores: over the labels of each photo, then over the photos of each label.

Reference: Miller et al., SPARC, CVPR 2025, arXiv:2502.16911.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def standardise(
    scores: Float[Tensor, "*rows columns"],
    mean: Float[Tensor, "*rows_or_1 columns_or_1"],
    deviation: Float[Tensor, "*rows_or_1 columns_or_1"],
) -> Float[Tensor, "*rows columns"]:
    """``(scores - mean) / deviation``, and 0 where the deviation is 0 or unknown: nothing can be told apart there."""
    known = deviation > 0
    scaled = (scores - mean) / torch.where(known, deviation, torch.ones_like(deviation))
    return torch.where(known, scaled, torch.zeros_like(scaled))


def standardise_rows(
    scores: Float[Tensor, "photos columns"], like: Float[Tensor, "photos labels"] | None = None
) -> Float[Tensor, "photos columns"]:
    """Each photo's scores by their own mean and deviation (ddof 1), or by those of ``like``.

    A photo with one label, or with equal scores, becomes 0.

    Args:
        scores: of the photos.
        like: whose mean and deviation are taken; SPARC measures compound prompts by the bare names of the labels.
    """
    measured = scores if like is None else like
    mean = measured.mean(dim=1, keepdim=True)
    if measured.shape[1] < 2:
        return torch.zeros_like(scores)
    return standardise(scores, mean, measured.std(dim=1, keepdim=True))


def standardise_columns(scores: Float[Tensor, "photos columns"]) -> Float[Tensor, "photos columns"]:
    """Each column over the photos (ddof 1); a single photo, or equal scores, become 0."""
    if len(scores) < 2:
        return torch.zeros_like(scores)
    return standardise(scores, scores.mean(dim=0, keepdim=True), scores.std(dim=0, keepdim=True))


def bounded(standard: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """``(1 + z / (1 + |z|)) / 2``: standardised scores in (0, 1), 0.5 at the mean of the folder; strictly increasing.

    Not the logistic function: that is 1 in float32 from z = 17 on, and a label that one photo of 10,000 shows reaches 100.
    """
    return (1 + standard / (1 + standard.abs())) / 2

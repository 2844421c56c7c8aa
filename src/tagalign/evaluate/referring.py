"""Referring segmentation scores, from the intersection and union of every expression.

All scores are fractions in [0, 1]; tables multiply by 100.
"""

import math

from jaxtyping import Bool
from torch import Tensor

from tagalign.errors import DataError


class ReferringScores:
    """Intersections and unions of predicted and true masks, one pair per expression.

    Example:
        >>> import torch
        >>> scores = ReferringScores()
        >>> scores.update(torch.tensor([[True, True]]), torch.tensor([[True, False]]))
        >>> scores.miou(), scores.overall_iou(), scores.precision(0.5)
        (0.5, 0.5, 1.0)

    Attributes:
        intersections: pixels in both masks, per expression.
        unions: pixels in at least one mask, per expression.
    """

    def __init__(self) -> None:
        self.intersections: list[int] = []
        self.unions: list[int] = []

    def __len__(self) -> int:
        return len(self.intersections)

    def update(
        self, prediction: Bool[Tensor, "height width"], target: Bool[Tensor, "true_height true_width"]
    ) -> None:
        """Count one expression.

        Raises:
            DataError: when the sizes differ.
        """
        if prediction.shape != target.shape:
            raise DataError(
                f"expected a predicted mask of {tuple(target.shape)} (height, width) like its ground truth, "
                f"got {tuple(prediction.shape)}"
            )
        self.add(int((prediction & target).sum()), int((prediction | target).sum()))

    def add(self, intersection: int, union: int) -> None:
        """Count one expression by its two areas in pixels."""
        self.intersections.append(intersection)
        self.unions.append(union)

    def merge(self, other: "ReferringScores") -> None:
        """Append what another process counted."""
        self.intersections += other.intersections
        self.unions += other.unions

    def ious(self) -> list[float]:
        """IoU per expression; 1 where both masks are empty: nothing was asked for and nothing was marked."""
        pairs = zip(self.intersections, self.unions, strict=True)
        return [inside / union if union else 1.0 for inside, union in pairs]

    def miou(self) -> float:
        """Mean of the per-expression IoU; NaN without expressions."""
        return math.fsum(self.ious()) / len(self) if len(self) else math.nan

    def overall_iou(self) -> float:
        """Sum of intersections over sum of unions (oIoU); NaN without any, 1 if all masks are empty."""
        if not len(self):
            return math.nan
        union = sum(self.unions)
        return sum(self.intersections) / union if union else 1.0

    def precision(self, threshold: float) -> float:
        """Share of expressions whose IoU is at least ``threshold`` (P@0.5 for 0.5); NaN without any."""
        return sum(iou >= threshold for iou in self.ious()) / len(self) if len(self) else math.nan

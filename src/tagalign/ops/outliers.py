"""Which patches of an image stand apart from all others, and their repair from the patches around them.

A late layer of CLIP writes facts about the whole image into a few patches; their features say nothing of their own place.
SC-CLIP (arXiv:2411.15869) finds them as outliers of a cloud of points. The difference of all pairs would hold 1.9 GB for
a photo at 448 pixels, so distances come from one matrix product.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

PointFeatures = Float[Tensor, "batch points dim"]
PointScores = Float[Tensor, "batch points"]

NEIGHBOURS = 30
"""SC-CLIP, and scikit-learn's example of the local outlier factor."""
QUANTILE = 0.95  # SC-CLIP's release: 10 of 196 patches
TINY = 1e-30
"""Least distance: points in one place get the score 1 instead of 0 / 0."""


def squared_distances(points: PointFeatures) -> Float[Tensor, "batch points points"]:
    """``|p_i - p_j|^2`` of all pairs, in float64 and at least 0.

    The products are taken in float64: a small distance between long vectors is the difference of two large numbers, and a
    neighbour more or less decides which patch is repaired.
    """
    centred = (points - points.mean(dim=1, keepdim=True)).double()
    squares = centred.square().sum(dim=-1)
    products = centred @ centred.transpose(1, 2)
    return (squares[:, :, None] + squares[:, None] - 2 * products).clamp_min(0)


def _nearest(points: PointFeatures, neighbours: int) -> tuple[Tensor, Tensor]:
    """Squared distances to the nearest other points, nearest first, and who they are."""
    squared = squared_distances(points)
    squared.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    count = min(neighbours, points.shape[1] - 1)
    found = squared.topk(count, dim=2, largest=False)
    return found.values, found.indices


def _of_neighbours(values: Tensor, who: Tensor) -> Tensor:
    """``values[b, who[b, i, j]]``."""
    return values[:, None].expand(-1, who.shape[1], -1).gather(2, who)


def collapsed_outlier_factor(points: PointFeatures, *, neighbours: int = NEIGHBOURS) -> PointScores:
    """SC-CLIP's released score: ``r_i mean_{j in N_i} 1 / r_j``, r the squared distance to the last neighbour.

    The release takes the k-distance of the point itself into the reachability, which is then r itself.

    Args:
        points: any scale.
        neighbours: at most all other points.

    Returns:
        float64, about 1 for an ordinary point. A single point scores 0.
    """
    if points.shape[1] < 2:
        return points.new_zeros(points.shape[:2], dtype=torch.float64)
    squared, who = _nearest(points, neighbours)
    reach = squared[..., -1].clamp_min(TINY)
    return reach * _of_neighbours(1 / reach, who).mean(dim=2)


def local_outlier_factor(points: PointFeatures, *, neighbours: int = NEIGHBOURS) -> PointScores:
    """``mean_{j in N_i} lrd_j / lrd_i`` with ``lrd_i = 1 / mean_{j in N_i} max(|p_i - p_j|, kdistance_j)``.

    Args:
        points: any scale.
        neighbours: at most all other points.

    Returns:
        float64, about 1 for an ordinary point. A single point scores 0.

    Reference:
        Breunig et al., LOF: Identifying Density-Based Local Outliers, SIGMOD 2000, definitions 5 to 7.
    """
    if points.shape[1] < 2:
        return points.new_zeros(points.shape[:2], dtype=torch.float64)
    squared, who = _nearest(points, neighbours)
    distance = squared.sqrt()
    reach = torch.maximum(distance, _of_neighbours(distance[..., -1], who))
    density = 1 / reach.mean(dim=2).clamp_min(TINY)
    return _of_neighbours(density, who).mean(dim=2) / density


def above_quantile(scores: PointScores, quantile: float = QUANTILE) -> Bool[Tensor, "batch points"]:
    """Points whose score is strictly above a quantile of their image (linear interpolation); none where all are equal."""
    # a cloud of equal scores differs in its last bits, and rounding is no reason to repair anything
    level = torch.quantile(scores, quantile, dim=1, keepdim=True)
    return scores > level * (1 + 1e-12)


def largest_norms(points: PointFeatures, count: int) -> Bool[Tensor, "batch points"]:
    """The ``count`` points with the largest norm (all, where there are fewer): the rule of SC-CLIP's first version."""
    norms = points.norm(dim=-1)
    chosen = norms.topk(min(count, points.shape[1]), dim=1).indices
    return torch.zeros_like(norms, dtype=torch.bool).scatter(1, chosen, True)


def repair(
    features: Float[Tensor, "batch dim rows cols"], outliers: Bool[Tensor, "batch rows cols"]
) -> Float[Tensor, "batch dim rows cols"]:
    """Each outlier becomes the mean of those of its 8 neighbours that are none; one without such neighbours stays.

    All are replaced at once, from the old values.
    """
    sound = (~outliers[:, None]).to(features)
    count = 9 * F.avg_pool2d(sound, 3, stride=1, padding=1)
    # the centre counts as 0 wherever the result is used, because it is an outlier
    mean = 9 * F.avg_pool2d(features * sound, 3, stride=1, padding=1) / count.clamp_min(1)
    return torch.where(outliers[:, None] & (count > 0.5), mean, features)

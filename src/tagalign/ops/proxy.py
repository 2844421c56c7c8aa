"""Proxy attention: another encoder's features say which patches belong together.

Source: ProxyCLIP, arXiv:2408.04883 (written anew; its code may not be used commercially).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

ROWS = 2**24
"""Numbers of the attention that are held at a time, 64 MB in float32: all of it where it is smaller."""


def mean_similarity(
    unit: Float[Tensor, "batch patches width"], *, whole_batch: bool = False
) -> Float[Tensor, "batch 1 1"]:
    """Mean cosine of all pairs of patches: ``|sum_m f_m|^2 / n^2`` of unit vectors, in [0, 1].

    Args:
        unit: unit-length features.
        whole_batch: one mean over all images, as the release takes it; an answer then depends on its neighbours.
    """
    means = unit.double().mean(dim=1).square().sum(dim=1)
    if whole_batch:
        means = means.mean().expand(len(unit))
    return means.to(unit.dtype)[:, None, None]


def proxy_weights(
    similarity: Float[Tensor, "batch rows patches"],
    mean: Float[Tensor, "batch 1 1"],
    own: Bool[Tensor, "rows patches"],
    *,
    beta: float,
    gamma: float,
) -> Float[Tensor, "batch rows patches"]:
    """``softmax_n(A)`` with ``A = gamma (s - beta mean(s))``, where A < 0 is left out.

    Args:
        similarity: cosine of each row's patch with all patches.
        mean: of all pairs.
        own: True where row and column are one patch. A patch always keeps itself: of a plain picture every pair falls below
            the edge, and the release divides nothing by nothing there.
        beta: how far above the mean a pair must be; the paper takes 1.2.
        gamma: sharpness; 3.0.
    """
    scaled = gamma * (similarity - beta * mean)
    return scaled.masked_fill((scaled < 0) & ~own, -torch.inf).softmax(dim=-1)


def proxy_attention(
    features: Float[Tensor, "batch width rows cols"],
    values: Float[Tensor, "batch heads patches head_dim"],
    *,
    beta: float,
    gamma: float,
    whole_batch: bool = False,
) -> Float[Tensor, "batch heads patches head_dim"]:
    """Values mixed by the likeness of their patches in another encoder; all heads share the weights.

    Args:
        features: of the other encoder; any norm.
        values: on the same grid, row by row.
        beta: see ``proxy_weights``.
        gamma: likewise.
        whole_batch: see ``mean_similarity``.
    """
    unit = F.normalize(features.flatten(2).transpose(1, 2), dim=-1)
    mean = mean_similarity(unit, whole_batch=whole_batch)
    batch, count, _ = unit.shape
    own = torch.eye(count, dtype=torch.bool, device=unit.device)
    step = max(1, ROWS // max(1, batch * count))
    mixed = []
    for first in range(0, count, step):
        rows = slice(first, first + step)
        similarity = unit[:, rows] @ unit.transpose(1, 2)
        weights = proxy_weights(similarity, mean, own[rows], beta=beta, gamma=gamma)
        mixed.append(weights[:, None].to(values.dtype) @ values)
    return torch.cat(mixed, dim=2)

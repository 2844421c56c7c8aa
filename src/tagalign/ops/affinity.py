"""Affinity of patches from attention maps: which pairs to trust, which patches count for a label, how maps spread.

``attention`` is always a head mean between patches, class token cut off, row = query; rows need not sum to 1.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.ops.masks import component_box_union

Attention = Float[Tensor, "*batch patches patches"]

MIN_MAX_EPS = 1e-7  # CLIP-ES: added to the highest value before dividing
CPU_MAP_CELLS = 2**20
"""Cells of attention maps held at a time on a CPU: 4 MB stay in its cache, 1.3 times faster than all heads at once."""
GPU_MAP_CELLS = 2**28
"""Likewise on a GPU: 1 GB, so that its cores are busy."""


def above_mean(attention: Attention) -> Bool[Tensor, "*batch patches patches"]:
    """Pairs whose attention is strictly above the mean over all pairs of that map: one layer's vote.

    A single patch has nothing to be compared with and is kept.
    """
    if attention.shape[-1] == 1:
        return torch.ones_like(attention, dtype=torch.bool)
    return attention > attention.mean(dim=(-2, -1), keepdim=True)


def min_max(scores: Float[Tensor, "patches maps"]) -> Float[Tensor, "patches maps"]:
    """Each column scaled to [0, 1]; a constant column becomes 1 everywhere: it prefers no patch, so it drops none."""
    low, high = scores.amin(dim=0), scores.amax(dim=0)
    # the division by 1 where high == low keeps NaN out; those columns are replaced in the same step
    scaled = (scores - low) / torch.where(high > low, high - low, 1)
    return torch.where(high > low, scaled, 1)


def box_class_mask(
    scores: Float[Tensor, "patches classes"], grid: tuple[int, int], *, lose_last: bool
) -> Bool[Tensor, "patches classes"]:
    """Patches that count for a class, as released: boxes around the components above the mean of the class's map.

    ``m = minmax(scores_c)``, ``u = floor(255 m)``, kept where ``u > int(mean(m) max(u))``, then the union of the bounding
    boxes of the 8-connected components.

    Args:
        scores: one map per class over the patches, row by row.
        grid: rows and columns of patches.
        lose_last: the released code's border defect (``component_box_union``).
    """
    scaled = min_max(scores)
    return _quantised_box_mask(scaled, scaled.mean(dim=0), grid, lose_last=lose_last)


def share_box_mask(
    scaled: Float[Tensor, "patches classes"], share: float, grid: tuple[int, int], *, lose_last: bool
) -> Bool[Tensor, "patches classes"]:
    """As ``box_class_mask`` with a given share of the highest value instead of the mean, on maps already in [0, 1]."""
    shares = torch.full_like(scaled[0], share)
    return _quantised_box_mask(scaled, shares, grid, lose_last=lose_last)


def _quantised_box_mask(scaled: Tensor, share: Tensor, grid: tuple[int, int], *, lose_last: bool) -> Tensor:
    levels = (255 * scaled).floor()
    # OpenCV's threshold takes an int; the products are positive, so truncation is floor
    kept = levels > (share * levels.amax(dim=0)).floor()
    # a constant map has all levels equal to its highest; with share 1 nothing lies above it
    kept |= levels.amin(dim=0) == 255
    stack = kept.T.unflatten(1, grid)
    return component_box_union(stack, lose_last=lose_last).flatten(1).T


def patch_class_mask(scores: Float[Tensor, "patches classes"]) -> Bool[Tensor, "patches classes"]:
    """Patches that count for a class, as printed: score above the class's mean; all patches of a constant map.

    Reference:
        Lin et al., TagCLIP (local to global), Eq. 14 and the sentence before it.
    """
    return (scores > scores.mean(dim=0)) | (scores.amax(dim=0) == scores.amin(dim=0))


def refine(
    attention: Float[Tensor, "patches patches"],
    scores: Float[Tensor, "patches classes"],
    class_mask: Bool[Tensor, "patches classes"],
) -> Float[Tensor, "patches classes"]:
    """``P_refined(:, c) = A (m_c * P(:, c))`` for all classes in one product; the mask acts on keys."""
    return attention @ (scores * class_mask)


def sinkhorn_affinity(attention: Attention, *, iterations: int = 3) -> Attention:
    """Near doubly stochastic: columns, then rows to sum 1, ``iterations`` times; then the mean with the transpose.

    Reference:
        Lin et al., CLIP-ES, arXiv:2212.09506, class-aware attention-based affinity.
    """
    tiny = torch.finfo(attention.dtype).tiny  # a patch that nobody looks at keeps its zeros instead of NaN
    for _ in range(iterations):
        attention = attention / attention.sum(dim=-2, keepdim=True).clamp_min(tiny)
        attention = attention / attention.sum(dim=-1, keepdim=True).clamp_min(tiny)
    return (attention + attention.transpose(-2, -1)) / 2


def spread(
    affinity: Float[Tensor, "patches patches"],
    maps: Float[Tensor, "patches classes"],
    box_mask: Bool[Tensor, "patches classes"],
) -> Float[Tensor, "patches classes"]:
    """``(T T) restricted to the columns of the box mask, times the map``, as two thin products instead of ``T T``."""
    return affinity @ (affinity @ (maps * box_mask))


def scale_up(maps: Float[Tensor, "patches maps"]) -> Float[Tensor, "patches maps"]:
    """CLIP-ES's scaling of each column: ``x - min``, then ``x / (1e-7 + max)``; a constant column becomes 0."""
    shifted = maps - maps.amin(dim=0)
    return shifted / (MIN_MAX_EPS + shifted.amax(dim=0))


def attend_and_average(
    q: Float[Tensor, "batch heads tokens head_dim"],
    k: Float[Tensor, "batch heads tokens head_dim"],
    v: Float[Tensor, "batch heads tokens head_dim"],
) -> tuple[Float[Tensor, "batch heads tokens head_dim"], Float[Tensor, "batch tokens tokens"]]:
    """Softmax attention and its head-mean map from one product of queries and keys, a few heads at a time.

    A fused kernel returns no map, so that the product and the softmax would be computed twice.
    """
    batch, heads, tokens, head_dim = q.shape
    cells = CPU_MAP_CELLS if q.device.type == "cpu" else GPU_MAP_CELLS
    if batch > 1 and batch * tokens * tokens > cells:
        # the maps of one head of all images are too many; one image after the other
        both = [attend_and_average(*(part[i : i + 1] for part in (q, k, v))) for i in range(batch)]
        return torch.cat([mixed for mixed, _ in both]), torch.cat([mean for _, mean in both])
    step = max(1, cells // (batch * tokens * tokens))
    q = q * head_dim**-0.5
    mixed, means = [], torch.zeros(batch, tokens, tokens, dtype=q.dtype, device=q.device)
    for start in range(0, heads, step):
        some = slice(start, start + step)
        probs = (q[:, some] @ k[:, some].transpose(2, 3)).softmax(dim=-1)
        mixed.append(probs @ v[:, some])
        means += probs.sum(dim=1)
    return torch.cat(mixed, dim=1), means / heads

"""The steps of SC-CLIP: outliers repaired, patches averaged over their like, and an attention made of likeness."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.backbones.modes.scclip import Layers, OutlierRule
from tagalign.backbones.protocols import ClassRow, Grid, Tokens
from tagalign.backbones.stream import BlockInput, Stream
from tagalign.ops.attention import attention
from tagalign.ops.grid import map_to_tokens, tokens_to_map
from tagalign.ops.outliers import (
    above_quantile,
    collapsed_outlier_factor,
    largest_norms,
    local_outlier_factor,
    repair,
)
from tagalign.ops.similarity import alike_weights, cosines, likeness_attention

PatchFeatures = Float[Tensor, "batch patches width"]

NORM_COUNT = 10  # outliers of the first public version, whatever the number of patches


def calibrated(
    stream: Stream, layers: Layers, outliers: OutlierRule, grid: Grid, *, prefix: int
) -> tuple[Tokens, ClassRow]:
    """Rows of the dense stream, and the ordinary class row; see ``modes.scclip.ScClip``.

    Args:
        stream: the walk through the blocks.
        layers: the blocks that are read.
        outliers: which patches are repaired.
        grid: rows and columns of patches.
        prefix: rows before the patches.
    """
    late, mid, multi = _outputs(stream, layers)
    last = stream.last()
    patches = last.x[:, prefix:]
    wrong = _outliers(patches, outliers)
    likeness = cosines(_repaired(mid[:, prefix:], wrong, grid))
    patches = alike_weights(likeness) @ _repaired(patches, wrong, grid)
    attend = likeness_attention(likeness)
    dense = _attended(last, patches, attend) + _attended(last, multi[:, prefix:], attend)
    if prefix:
        dense = dense + layers.class_weight * (last.x[:, :1] + multi[:, :1])
    # the release averages after each pass; the average is linear, so their sum is averaged once
    dense = alike_weights(cosines(late[:, prefix:])) @ dense
    if not prefix:
        return dense, None
    row = last.class_row()
    return torch.cat([row.expand(-1, prefix, -1), dense], dim=1), row


def _outliers(patches: PatchFeatures, rule: OutlierRule) -> Bool[Tensor, "batch patches"]:
    if rule == "norm":
        return largest_norms(patches, NORM_COUNT)
    score = collapsed_outlier_factor if rule == "released" else local_outlier_factor
    return above_quantile(score(patches))


def _outputs(stream: Stream, layers: Layers) -> tuple[Tokens, Tokens, Tokens]:
    """Outputs of the late and the mid block, and the sum of the outputs for the second pass."""
    first, final = layers.multi
    wanted = {layers.late, layers.mid, *range(first, final + 1)}
    last = stream.num_blocks - 1
    outputs = {index: stream.input_of(min(index + 1, last)).x for index in sorted(wanted)}
    total = sum((outputs[index] for index in range(first + 1, final + 1)), start=outputs[first])
    return outputs[layers.late], outputs[layers.mid], total


def _repaired(rows: PatchFeatures, wrong: Bool[Tensor, "batch patches"], grid: Grid) -> PatchFeatures:
    return map_to_tokens(repair(tokens_to_map(rows, grid), wrong.unflatten(1, grid)))


def _attended(
    last: BlockInput, rows: PatchFeatures, likeness: Float[Tensor, "batch patches patches"]
) -> PatchFeatures:
    """``O((M + softmax(k k')) / 2 v)`` of the last block among patches alone; no residual, no feed-forward network."""
    block = last.block
    _, k, v = block.qkv(block.norm1(rows), rows=0)
    return block.out((likeness[:, None] @ v + attention(k, k, v)) / 2)

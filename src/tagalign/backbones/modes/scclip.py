"""SC-CLIP: outliers repaired, patches averaged over their like, and an attention made of likeness."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.backbones.mode_profiles import ModeProfile, settle
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
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
from tagalign.option_fields import option

OutlierRule = Literal["textbook", "released", "norm"]
PatchFeatures = Float[Tensor, "batch patches width"]

NORM_COUNT = 10  # outliers of the first public version, whatever the number of patches


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Which blocks are read, counted from 0, and the weight of the class row.

    Attributes:
        mid: its output says which patches are alike at first.
        late: its output says which are alike at the end.
        multi: the outputs summed for the second pass.
        class_weight: of the class row, added to every patch.
    """

    mid: int
    late: int
    multi: tuple[int, int]
    class_weight: float


AT_12 = Layers(mid=8, late=3, multi=(3, 9), class_weight=0.3)  # the release
AT_24 = Layers(mid=16, late=6, multi=(8, 18), class_weight=0.1)  # the author, issue 5 of the repository


def layers_of(num_blocks: int) -> Layers:
    """As published for 12 and 24 blocks; other depths take the same shares of 12. None is later than the last but one."""
    if num_blocks == 24:
        return AT_24
    last = max(num_blocks - 2, 0)
    mid, late, first, final = (
        min(round(i * num_blocks / 12), last) for i in (AT_12.mid, AT_12.late, *AT_12.multi)
    )
    return Layers(mid=mid, late=late, multi=(first, final), class_weight=AT_12.class_weight)


@dataclass(frozen=True, kw_only=True)
class ScClip:
    """Self-calibrated patches; without text, one image encoded once.

    A family without a class row has none to add, one block alone serves as all of them, and where fewer than 31 patches
    are there the outliers are sought among all others (the release stops).
    """

    profile: ModeProfile = option(
        "fixed", "the paper, its release, or the release mended: outliers, windows, positions"
    )
    outliers: OutlierRule | None = option(
        None,
        "what is repaired: patches with a high local outlier factor (textbook), with the release's short form of it "
        "(released), or the ten of largest norm (norm)",
        source="released in profile released, else textbook",
    )

    def __post_init__(self) -> None:
        settle(self, {"outliers": "released" if self.profile == "released" else "textbook"})

    def __call__(self, encoder: BlockBackbone, stream: Stream, grid: Grid) -> tuple[Tokens, ClassRow]:
        """See ``Mode``. The rows before the patches are the ordinary class row."""
        prefix, layers = encoder.num_prefix, layers_of(stream.num_blocks)
        late, mid, multi = _outputs(stream, layers)
        last = stream.last()
        patches = last.x[:, prefix:]
        wrong = self._outliers(patches)
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

    def _outliers(self, patches: PatchFeatures) -> Bool[Tensor, "batch patches"]:
        if self.outliers == "norm":
            return largest_norms(patches, NORM_COUNT)
        score = collapsed_outlier_factor if self.outliers == "released" else local_outlier_factor
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


DENSE_MODES.add(
    "scclip",
    ModeEntry(
        kind=ScClip,
        summary="outlier patches repaired, patches averaged over their like",
        source="Bai et al., arXiv:2411.15869",
    ),
)

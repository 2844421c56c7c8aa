"""MaskCLIP: the last attention replaced by its value path."""

from dataclasses import dataclass

from tagalign.backbones.dense_stream import before_last, class_row_of
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens


@dataclass(frozen=True, kw_only=True)
class MaskClip:
    """Every token of the last block attends to itself alone; residual stream and feed-forward network stay."""

    def __call__(self, encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
        """See ``Mode``."""
        x = before_last(encoder, x)
        last = encoder.blocks[-1]
        q, k, v = last.qkv(last.norm1(x), rows=1)
        return last.feed_forward(x + last.out(v)), class_row_of(encoder, x, q, k, v)


DENSE_MODES.add(
    "maskclip",
    ModeEntry(
        kind=MaskClip,
        summary="last attention replaced by its value path",
        source="Zhou et al., arXiv:2112.01071",
    ),
)

"""MaskCLIP: the last attention replaced by its value path."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream


@dataclass(frozen=True, kw_only=True)
class MaskClip:
    """Every token of the last block attends to itself alone; residual stream and feed-forward network stay."""

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.stream import class_row_of

        last = stream.last()
        # queries matter for the ordinary class row alone: one row of them is asked
        _, _, v = last.asked_once
        return last.block.feed_forward(last.x + last.block.out(v)), class_row_of(encoder, last)


DENSE_MODES.add(
    "maskclip",
    ModeEntry(
        kind=MaskClip,
        summary="last attention replaced by its value path",
        source="Zhou et al., arXiv:2112.01071",
    ),
)

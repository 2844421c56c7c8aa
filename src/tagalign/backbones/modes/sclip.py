"""SCLIP: correlative self-attention in the last block."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream


@dataclass(frozen=True, kw_only=True)
class Sclip:
    """``softmax(q q') + softmax(k k')`` over the values; residual stream and feed-forward network stay."""

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.stream import class_row_of
        from tagalign.ops.attention import correlative_attention

        last = stream.last()
        mixed = last.block.out(correlative_attention(*last.heads))
        return last.block.feed_forward(last.x + mixed), class_row_of(encoder, last)


DENSE_MODES.add(
    "sclip",
    ModeEntry(
        kind=Sclip,
        summary="last attention by self-correlation of queries and keys",
        source="Wang et al., arXiv:2312.01597",
    ),
)

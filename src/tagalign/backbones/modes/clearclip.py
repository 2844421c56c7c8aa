"""ClearCLIP: query-query attention alone in the last block."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream


@dataclass(frozen=True, kw_only=True)
class ClearClip:
    """``softmax(q q')`` over the values, without the residual stream and the feed-forward network."""

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.stream import class_row_of
        from tagalign.ops.attention import self_self_attention

        last = stream.last()
        q, _, v = last.heads
        return last.block.out(self_self_attention(q, v)), class_row_of(encoder, last)


DENSE_MODES.add(
    "clearclip",
    ModeEntry(
        kind=ClearClip,
        summary="last block without residual and feed-forward",
        source="Lan et al., arXiv:2407.12442",
    ),
)

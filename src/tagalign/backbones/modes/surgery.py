"""CLIP Surgery: a second stream of value-value attention over the last six blocks."""

from dataclasses import dataclass

from tagalign.backbones.dense_stream import class_row_of
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
from tagalign.ops.attention import attention, self_self_attention

LAYERS = 6  # TagAlign's release: exactly the last six blocks


@dataclass(frozen=True, kw_only=True)
class Surgery:
    """Two streams over the last six blocks: the ordinary one, and one that adds v-v attention of the ordinary input.

    ``d <- d + Attn_vv(LN1(x))`` with x the block's input on the ordinary stream, no feed-forward network on d.
    """

    def __call__(self, encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
        """See ``Mode``; of the last block the ordinary stream needs the class token only."""
        for block in encoder.blocks[:-LAYERS]:
            x = block(x)
        dense = x
        for block in encoder.blocks[-LAYERS:-1]:
            q, k, v = block.qkv(block.norm1(x))
            dense = dense + block.out(self_self_attention(v, v))
            x = block.feed_forward(x + block.out(attention(q, k, v)))
        last = encoder.blocks[-1]
        q, k, v = last.qkv(last.norm1(x), rows=1)
        return dense + last.out(self_self_attention(v, v)), class_row_of(encoder, x, q, k, v)


DENSE_MODES.add(
    "surgery",
    ModeEntry(
        kind=Surgery,
        summary="a second stream of value-value attention",
        source="Li et al., arXiv:2304.05653",
    ),
)

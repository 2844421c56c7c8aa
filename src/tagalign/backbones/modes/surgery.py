"""CLIP Surgery: a second stream of value-value attention over the last six blocks."""

from dataclasses import dataclass

from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
from tagalign.backbones.stream import Stream, class_row_of
from tagalign.ops.attention import self_self_attention

LAYERS = 6  # TagAlign's release: exactly the last six blocks


@dataclass(frozen=True, kw_only=True)
class Surgery:
    """Two streams over the last six blocks: the ordinary one, and one that adds v-v attention of the ordinary input.

    ``d <- d + Attn_vv(LN1(x))`` with x the block's input on the ordinary stream, no feed-forward network on d.
    """

    def __call__(self, encoder: BlockBackbone, stream: Stream, grid: Grid) -> tuple[Tokens, ClassRow]:
        """See ``Mode``; of the last block the ordinary stream needs the class token only."""
        first = max(stream.num_blocks - LAYERS, 0)
        dense = stream.input_of(first).x
        for index in range(first, stream.num_blocks - 1):
            at = stream.input_of(index)
            _, _, v = at.heads
            dense = dense + at.block.out(self_self_attention(v, v))
        last = stream.last()
        _, _, v = last.asked_once
        return dense + last.block.out(self_self_attention(v, v)), class_row_of(encoder, last)


DENSE_MODES.add(
    "surgery",
    ModeEntry(
        kind=Surgery,
        summary="a second stream of value-value attention",
        source="Li et al., arXiv:2304.05653",
    ),
)

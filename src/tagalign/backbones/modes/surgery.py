"""CLIP Surgery: a second stream of value-value attention over the last six blocks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.layer_range import LayerRange
from tagalign.option_fields import option

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream


@dataclass(frozen=True, kw_only=True)
class Surgery:
    """Two streams over some blocks: the ordinary one, and one that adds v-v attention of the ordinary input.

    ``d <- d + Attn_vv(LN1(x))`` with x the block's input on the ordinary stream, no feed-forward network on d, which starts
    as the input of the first of those blocks.
    """

    layers: LayerRange = option(
        LayerRange("-6:"),
        "the blocks whose value-value attention is added",
        source="TagAlign's release: six, whatever the depth",
    )

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``; of the last block the ordinary stream needs the class token only."""
        from tagalign.backbones.stream import class_row_of
        from tagalign.ops.attention import self_self_attention

        blocks = self.layers.at(stream.num_blocks)
        dense = stream.input_of(blocks[0]).x
        final = stream.num_blocks - 1
        for index in (i for i in blocks if i != final):
            at = stream.input_of(index)
            _, _, v = at.heads
            dense = dense + at.block.out(self_self_attention(v, v))
        last = stream.last()
        if final in blocks:
            _, _, v = last.asked_once
            dense = dense + last.block.out(self_self_attention(v, v))
        return dense, class_row_of(encoder, last)


DENSE_MODES.add(
    "surgery",
    ModeEntry(
        kind=Surgery,
        summary="a second stream of value-value attention",
        source="Li et al., arXiv:2304.05653",
    ),
)

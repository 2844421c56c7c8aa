"""SCLIP: correlative self-attention in the last block."""

from dataclasses import dataclass

from tagalign.backbones.dense_stream import other_last
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
from tagalign.ops.attention import correlative_attention


@dataclass(frozen=True, kw_only=True)
class Sclip:
    """``softmax(q q') + softmax(k k')`` over the values; residual stream and feed-forward network stay."""

    def __call__(self, encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
        """See ``Mode``."""
        mixed, x, cls = other_last(encoder, x, correlative_attention)
        return encoder.blocks[-1].feed_forward(x + mixed), cls


DENSE_MODES.add(
    "sclip",
    ModeEntry(
        kind=Sclip,
        summary="last attention by self-correlation of queries and keys",
        source="Wang et al., arXiv:2312.01597",
    ),
)

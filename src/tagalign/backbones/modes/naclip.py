"""NACLIP: key-key attention of the last block, pulled to the neighbourhood."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream

SIGMA = 5.0  # patches; NACLIP, arXiv:2404.08181, section 4.1


@dataclass(frozen=True, kw_only=True)
class NaClip:
    """``softmax(k k' + Gaussian of the distance)`` over the values; its "reduced" last block, as in ClearCLIP."""

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.stream import class_row_of
        from tagalign.ops.attention import neighbourhood_attention
        from tagalign.ops.grid import gaussian_neighbourhood

        last = stream.last()
        _, k, v = last.heads
        near = gaussian_neighbourhood(grid, sigma=SIGMA, device=k.device)
        mixed = neighbourhood_attention(k, v, near, prefix=encoder.num_prefix)
        return last.block.out(mixed), class_row_of(encoder, last)


DENSE_MODES.add(
    "naclip",
    ModeEntry(
        kind=NaClip,
        summary="last attention pulled to the neighbourhood",
        source="Hajimiri et al., arXiv:2404.08181",
    ),
)

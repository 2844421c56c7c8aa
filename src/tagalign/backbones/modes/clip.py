"""The encoder as it was published: the patch rows of its last block."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.modes import DENSE_MODES, ModeEntry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Every block as it is."""

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        x = stream.last().output()
        return x, x[:, :1] if encoder.num_prefix else None


DENSE_MODES.add(
    "clip",
    ModeEntry(
        kind=Plain,
        summary="the encoder's own patches",
        source="Radford et al., arXiv:2103.00020",
    ),
)

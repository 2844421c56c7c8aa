"""PEARL: keys of the last block are turned towards its queries before they are compared."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.backbones.mode_profiles import ModeProfile, known, settle
from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.errors import InputError
from tagalign.ops.option_values import KEY_WEIGHT, Factor
from tagalign.option_fields import option

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone, ClassRow, Grid, Tokens
    from tagalign.backbones.stream import Stream

PROFILES = {
    "paper": {"factor": "svd", "key_weight": 0.0},
    "released": {"factor": "newton", "key_weight": KEY_WEIGHT},
    "fixed": {"factor": "newton", "key_weight": KEY_WEIGHT},
}


@dataclass(frozen=True, kw_only=True)
class Pearl:
    """Attention output alone, without residual stream and feed-forward network; the last block only."""

    profile: ModeProfile = option(
        "fixed", "the paper, its release, or the release mended: factor, windows, positions"
    )
    factor: Factor | None = option(
        None,
        "how keys are turned: newton by five steps that leave weak directions short, svd by an orthogonal matrix",
        source="svd in profile paper, else newton",
    )
    key_weight: float | None = option(
        None,
        "of the likeness of centred keys beside that of queries and keys, at least 0",
        source="0.08 in the release (0.3 for ADE20K and Cityscapes), 0 in the paper",
    )

    def __post_init__(self) -> None:
        settle(self, PROFILES[self.profile])
        weight = known(self.key_weight)
        if weight < 0:
            raise InputError(f"key_weight: expected a number from 0, got {weight:g}")

    def __call__(self, encoder: "BlockBackbone", stream: "Stream", grid: "Grid") -> "tuple[Tokens, ClassRow]":
        """See ``Mode``."""
        from tagalign.backbones.stream import class_row_of
        from tagalign.ops.alignment import aligned_attention

        last = stream.last()
        mixed = aligned_attention(
            *last.heads,
            prefix=encoder.num_prefix,
            factor=known(self.factor),
            key_weight=known(self.key_weight),
        )
        return last.block.out(mixed), class_row_of(encoder, last)


DENSE_MODES.add(
    "pearl",
    ModeEntry(
        kind=Pearl,
        summary="last attention with keys aligned to its queries",
        source="PEARL, arXiv:2603.21528",
    ),
)

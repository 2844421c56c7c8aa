"""Options of the region vote, and the named switches behind its profiles."""

from dataclasses import dataclass, replace
from typing import Literal

from tagalign.errors import InputError
from tagalign.option_fields import check_share, option

RegionProfile = Literal["released", "fixed"]

_OURS = "ours"

MIN_AREA = 64
"""Connected parts below it are no instances: 8 x 8 pixels, half a patch of a ViT-B/16 at the short side 448."""


@dataclass(frozen=True, kw_only=True)
class RegionSwitches:
    """How masks are laid on each other and who votes.

    Attributes:
        smaller_on_top: where masks overlap the smaller one is kept; else the larger one hides it.
        lowest_is_none: the lowest value of the id map does not vote, whatever it is; else 0 does not.
        ties_by_score: of equally frequent labels the surer one wins; else the lower id.
        min_pixels: smaller masks are ignored.
        max_share: masks with a larger share of the picture are ignored.
    """

    smaller_on_top: bool
    lowest_is_none: bool
    ties_by_score: bool
    min_pixels: int
    max_share: float


PROFILES: dict[str, RegionSwitches] = {
    # CorrCLIP at 103bc18: without uncovered pixels the lowest id is a real region, and it is left out
    "released": RegionSwitches(
        smaller_on_top=False, lowest_is_none=True, ties_by_score=False, min_pixels=0, max_share=1.0
    ),
    # a mask over everything hides no other, a speck of two pixels has no say
    "fixed": RegionSwitches(
        smaller_on_top=True, lowest_is_none=False, ties_by_score=True, min_pixels=16, max_share=0.95
    ),
}


@dataclass(frozen=True, kw_only=True)
class RegionOptions:
    """Everything that changes what regions do to a label map."""

    profile: RegionProfile = option(
        "fixed", "named switches: overlaps, which ids vote, ties", source="CorrCLIP, arXiv:2411.10086"
    )
    min_pixels: int | None = option(
        None, "smaller masks are ignored, in pixels", source="ours: 16; 0 in the release"
    )
    max_share: float | None = option(
        None,
        "masks with a larger share of the picture are ignored, in [0, 1]",
        source="ours: 0.95; the release takes all",
    )
    min_share: float = option(
        0.0,
        "a region whose best label has a smaller share of it keeps its labels, in [0, 1]",
        source="release",
    )
    background_votes: bool = option(True, "background can win a region; else it never does", source="release")

    def __post_init__(self) -> None:
        if self.min_pixels is not None and self.min_pixels < 0:
            raise InputError(f"min_pixels: expected a whole number from 0, got {self.min_pixels}")
        check_share("max_share", self.max_share)
        check_share("min_share", self.min_share)

    @property
    def switches(self) -> RegionSwitches:
        """Those of the profile, with what was given in their place."""
        own = PROFILES[self.profile]
        return replace(
            own,
            min_pixels=own.min_pixels if self.min_pixels is None else self.min_pixels,
            max_share=own.max_share if self.max_share is None else self.max_share,
        )

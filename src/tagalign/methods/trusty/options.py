"""Options of TrustyCLIP at inference: what counts as seen, what the trusty map weighs, how the image is cut."""

from dataclasses import dataclass
from typing import Literal

from tagalign.errors import InputError
from tagalign.methods.tagger_options import ALIASES
from tagalign.option_fields import check_count, option

ClassChoice = Literal["auto", "cross-dataset", "both", "seen", "unseen", "none"]
"""``auto``: ``both`` where some labels were seen and some were not, else the trusty token is dropped and ``none``.
``cross-dataset``: all labels count as seen, known or not, so the trusty token is dropped (the paper's Table 3)."""


@dataclass(frozen=True, kw_only=True)
class TrustyOptions:
    """Everything that changes a segmentation."""

    profile: Literal["paper", "released", "fixed"] | None = option(
        None, "named switches", source="the one it was trained with"
    )
    seen: tuple[str, ...] | None = option(
        None, "names that count as seen", source="the classes it was trained on with masks"
    )
    unseen: tuple[str, ...] | None = option(None, "names that count as not seen, whatever it was trained on")
    weighting: ClassChoice = option(
        "auto", "what the trusty map weighs", source="Eq. 12: both, where some labels were seen and some not"
    )
    calibration: float | None = option(
        None,
        "subtracted from the scores of seen classes",
        source="0.1 in the release after inductive training, 0 in the paper",
    )
    short_side: int | None = option(None, "of the canvas in pixels", source="the crop of the training")
    window: int | None = option(
        None,
        "side of the sliding windows in pixels; 0 takes the whole canvas at once",
        source="the short side",
    )
    stride: int | None = option(None, "of the windows in pixels", source="426 of 512, in whole patches")
    use_aliases: bool = option(True, ALIASES)

    def __post_init__(self) -> None:
        check_count("short_side", self.short_side)
        check_count("stride", self.stride)
        if self.window is not None and self.window < 0:
            raise InputError(f"window: expected pixels, or 0 for the whole canvas, got {self.window}")

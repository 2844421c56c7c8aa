"""PIAA as released, and as we mend it; arXiv:2605.25821."""

from dataclasses import dataclass
from typing import Literal

from tagalign.ops.looks.second_choice import SecondChoice

PiaaProfileName = Literal["released", "fixed"]

TEXT_SCALE = 60.0
"""Of the cosines that choose the first patches."""
SCORE_DIVISOR = 500.0
"""Of the logits before the softmax that photos are scored by."""


@dataclass(frozen=True, kw_only=True)
class PiaaProfile:
    """Named switches.

    Attributes:
        name: of the profile.
        second: how the patches of the second fit are chosen. The release asks for saturated probabilities, which lose whole
            labels by rounding.
        by_text: a label without patches keeps the score that its text gives it; as released it has a Gaussian round its
            text, far from all patches, and never a high score.
    """

    name: PiaaProfileName
    second: SecondChoice
    by_text: bool


PROFILES: dict[str, PiaaProfile] = {
    "released": PiaaProfile(name="released", second="deviation", by_text=False),
    "fixed": PiaaProfile(name="fixed", second="rank", by_text=True),
}

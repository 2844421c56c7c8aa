"""Options of Tag2Text: which tags count, and how words are found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.errors import InputError
from tagalign.methods.tagger_options import LOOK
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, option

MOST_SEEDS = 2**63


@dataclass(frozen=True, kw_only=True)
class Tag2TextOptions:
    """Everything that changes tags, captions or answers."""

    profile: Literal["paper", "released", "fixed"] | None = option(
        None, "named switches", source="the one in the folder, else fixed", verbs=("caption", "ask")
    )
    threshold: Threshold | None = option(
        None,
        "which tags count as recognised",
        source="the model's own threshold per tag",
        given_by="--threshold",
    )
    look: Path | None = option(None, verbs=("tag",), **LOOK)
    image_size: int | None = option(
        None,
        "side of the square that photos are squeezed to, in pixels; what belongs to places is resized",
        source="the model's own: 224 while pre-training, 384 after fine-tuning",
        verbs=("tag", "caption", "ask"),
    )
    num_beams: int = option(3, "beams of captions and answers", source="release", verbs=("caption", "ask"))
    top_p: float | None = option(
        None, "nucleus sampling of captions instead of beams, in (0, 1]", verbs=("caption",)
    )
    seed: int = option(0, "of nucleus sampling", verbs=("caption",))
    prompt: str | None = option(
        None,
        "captions begin with it, and it is taken off the text",
        source="the model's own: a picture of, in the release",
        verbs=("caption",),
    )
    min_tokens: int | None = option(
        None,
        "a caption does not end before so many tokens, prompt included",
        source="the model's own: 10 in the release",
        verbs=("caption",),
    )
    max_tokens: int | None = option(
        None,
        "no caption is longer in tokens, prompt included",
        source="the model's own: 30 in the release",
        verbs=("caption",),
    )

    def __post_init__(self) -> None:
        for name in ("image_size", "num_beams", "min_tokens", "max_tokens"):
            check_count(name, getattr(self, name))
        if not 0 <= self.seed < MOST_SEEDS:  # what a generator takes
            raise InputError(f"seed: expected a whole number from 0 to {MOST_SEEDS - 1}, got {self.seed}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p: expected a number above 0 and at most 1, got {self.top_p:g}")

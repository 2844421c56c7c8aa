"""Options of the class-token taggers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.methods.tagger_options import ALIASES, LOOK, THRESHOLD
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, option

MAX_PATCHES = 4096
"""1024 x 1024 pixels at patch 16, as TagCLIP's: larger images are shrunk."""


@dataclass(frozen=True, kw_only=True)
class ClassTokenOptions:
    """Everything that changes the scores and tags of an image as a whole."""

    profile: Literal["paper", "released", "fixed"] = option(
        "fixed", "as TagCLIP's: its prompts, and how its release rounds positions"
    )
    short_side: int | None = option(
        None,
        "of the model's input in pixels",
        source="the image's own resolution, rounded up to whole patches, as TagCLIP's",
    )
    max_patches: int = option(MAX_PATCHES, "larger images are shrunk to so many patches")
    threshold: Threshold = option(
        Threshold(kind="relative", value=0.5), source="TagCLIP, arXiv:2312.12828", **THRESHOLD
    )
    look: Path | None = option(None, **LOOK)
    use_aliases: bool = option(True, ALIASES)

    def __post_init__(self) -> None:
        for name in ("short_side", "max_patches"):
            check_count(name, getattr(self, name))

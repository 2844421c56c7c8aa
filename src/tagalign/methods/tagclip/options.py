"""Options of TagCLIP: the constants of the paper, and switches for its ablations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.errors import InputError
from tagalign.layer_range import LayerRange
from tagalign.methods.tagclip.presets import STANDARD, PresetName, preset_text
from tagalign.methods.tagger_options import ALIASES, LOOK, THRESHOLD
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, check_share, option

MAX_PATCHES = 4096
"""1024 x 1024 pixels at patch 16: one attention map of 67 MB. Larger images are shrunk."""


@dataclass(frozen=True, kw_only=True)
class TagClipOptions:
    """Everything that changes TagCLIP's scores and tags."""

    profile: Literal["paper", "released", "fixed"] = option(
        "fixed", "named switches: boxes, prompts, quirks of the release"
    )
    preset: PresetName | None = option(
        None,
        preset_text(("threshold", "candidate_share", "refine_layers")),
        source="none: the paper's values",
    )
    short_side: int | None = option(
        None,
        "of the model's input in pixels",
        source="the image's own resolution, rounded up to whole patches",
    )
    max_patches: int = option(MAX_PATCHES, "larger images are shrunk to so many patches")
    refine_layers: LayerRange | None = option(
        None,
        "whose attention refines the scores",
        source=f"{STANDARD.refine_layers} (Fig. 6: the last four but the last of 12, as a share), or the preset's",
    )
    min_votes: int | None = option(
        None,
        "layers in which a pair must lie above the mean to be trusted",
        source="the release: 4 of 12, a third; Eq. 12 leaves K open",
    )
    candidate_share: float | None = option(
        None,
        "mu1: labels looked at again, in [0, 1]",
        source="0.5 (supplement: not sensitive), or the preset's",
    )
    region_share: float = option(
        0.5, "mu2: patches of a label's region, in [0, 1]", source="supplement: not sensitive"
    )
    local_weight: float = option(0.5, "lambda: weight of the local score, in [0, 1]", source="Eq. 16")
    threshold: Threshold | None = option(None, source="relative:0.5, or the preset's", **THRESHOLD)
    look: Path | None = option(None, **LOOK)
    dual_masking: bool = option(True, "refine scores by trusted attention (DMAR)", source="Table 4")
    reidentify: bool = option(True, "class-wise reidentification by crops (CWR)", source="Table 4")
    enlarge_crops: bool = option(
        True,
        "a label's crop is enlarged to the model's input; else a window of that size is cut around it",
        source="paper and release enlarge",
    )
    last_attention: bool = option(False, "keep the last self-attention", source="Table 1")
    max_candidates: int | None = option(None, "most labels looked at again per image and group")
    use_aliases: bool = option(True, ALIASES)

    def __post_init__(self) -> None:
        for name in ("candidate_share", "region_share", "local_weight"):
            check_share(name, getattr(self, name))
        for name in ("short_side", "max_patches", "max_candidates"):
            check_count(name, getattr(self, name))
        if self.min_votes is not None and self.min_votes < 0:
            raise InputError(f"min_votes: expected a whole number from 0, got {self.min_votes}")

"""Options of TagCLIP: the constants of the paper, and switches for its ablations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.errors import InputError
from tagalign.layer_range import LayerRange
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, check_share, option

MAX_PATCHES = 4096
"""1024 x 1024 pixels at patch 16: one attention map of 67 MB. Larger images are shrunk."""

AFFINITY_LAYERS = LayerRange("1/3:")
"""Of class activation maps: CLIP-ES takes the last eight of 12."""


@dataclass(frozen=True, kw_only=True)
class TagClipOptions:
    """Everything that changes TagCLIP's scores and tags."""

    profile: Literal["paper", "released", "fixed"] = option(
        "fixed", "named switches: boxes, prompts, quirks of the release"
    )
    short_side: int | None = option(
        None,
        "of the model's input in pixels",
        source="the image's own resolution, rounded up to whole patches",
    )
    max_patches: int = option(MAX_PATCHES, "larger images are shrunk to so many patches")
    refine_layers: LayerRange = option(
        LayerRange("2/3:-1"),
        "whose attention refines the scores",
        source="the last four but the last of 12 (Fig. 6), as a share of the depth",
    )
    min_votes: int | None = option(
        None,
        "layers in which a pair must lie above the mean to be trusted",
        source="the release: 4 of 12, a third; Eq. 12 leaves K open",
    )
    candidate_share: float = option(
        0.5, "mu1: labels looked at again, in [0, 1]", source="supplement: not sensitive"
    )
    region_share: float = option(
        0.5, "mu2: patches of a label's region, in [0, 1]", source="supplement: not sensitive"
    )
    local_weight: float = option(0.5, "lambda: weight of the local score, in [0, 1]", source="Eq. 16")
    threshold: Threshold = option(
        Threshold(kind="relative", value=0.5), "which labels are chosen as tags", given_by="--threshold"
    )
    look: Path | None = option(
        None,
        "a look at the folder: scores become deviations from what the folder shows (tagalign look)",
        source="SPARC, arXiv:2502.16911",
        given_by="--look",
    )
    dual_masking: bool = option(True, "refine scores by trusted attention (DMAR)", source="Table 4")
    reidentify: bool = option(True, "class-wise reidentification by crops (CWR)", source="Table 4")
    enlarge_crops: bool = option(
        True,
        "a label's crop is enlarged to the model's input; else a window of that size is cut around it",
        source="paper and release enlarge",
    )
    last_attention: bool = option(False, "keep the last self-attention", source="Table 1")
    max_candidates: int | None = option(None, "most labels looked at again per image and group")
    use_aliases: bool = option(True, "a label scores as its best alias, where the label set has aliases")

    def __post_init__(self) -> None:
        for name in ("candidate_share", "region_share", "local_weight"):
            check_share(name, getattr(self, name))
        for name in ("short_side", "max_patches", "max_candidates"):
            check_count(name, getattr(self, name))
        if self.min_votes is not None and self.min_votes < 0:
            raise InputError(f"min_votes: expected a whole number from 0, got {self.min_votes}")

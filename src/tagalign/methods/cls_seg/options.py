"""Options of CLS-SEG: those of its tagger, and of the class activation maps."""

from dataclasses import dataclass
from typing import Literal

from tagalign.errors import InputError
from tagalign.layer_range import LayerRange
from tagalign.methods.refinements import refinement_names
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.tagclip.presets import STANDARD, PresetName, preset_text
from tagalign.option_fields import check_share, option


@dataclass(frozen=True, kw_only=True)
class ClsSegOptions(TagClipOptions):
    """Everything that changes tags or masks."""

    preset: PresetName | None = option(
        None,
        preset_text(("threshold", "candidate_share", "refine_layers", "affinity_layers", "box_share")),
        source="none: the paper's values, and CLIP-ES's on VOC",
    )
    affinity_layers: LayerRange | None = option(
        None,
        "whose attention spreads the maps",
        source=f"{STANDARD.affinity_layers} (CLIP-ES: the last eight of 12, as a share of the depth), or the preset's",
        verbs=("segment",),
    )
    box_share: float | None = option(
        None,
        "patches above this share of a map's highest value belong to it, in [0, 1]",
        source="0.4 (CLIP-ES on VOC), or the preset's",
        verbs=("segment",),
    )
    background_rule: bool = option(
        True,
        "background where (1 - best)^power is at least the best map; else every pixel gets a tag",
        verbs=("segment",),
        given_by="--background",
    )
    background_power: float = option(
        1.0, "the power, above 0", source="TagCLIP's release; CLIP-ES sweeps 1 and 2", verbs=("segment",)
    )
    gradient: Literal["closed", "autograd"] = option(
        "closed", "how the maps are weighed; autograd is the slow check", verbs=("segment",)
    )
    fuse_aliases: bool = option(
        False, "aliases join the name in one prompt", source="CLIP-ES fuses synonyms", verbs=("segment",)
    )
    refine: str = option(
        "none",
        "maps follow the colours of the photo",
        verbs=("segment",),
        given_by="--refine",
        choices=refinement_names,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("box_share", self.box_share)
        if self.background_power <= 0:
            raise InputError(f"background_power: expected a number above 0, got {self.background_power:g}")

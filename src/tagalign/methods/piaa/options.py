"""Options of PIAA: the patches that are compared, and the constants of its scores."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import InputError
from tagalign.methods.piaa.profiles import PiaaProfileName
from tagalign.methods.tagger_options import THRESHOLD
from tagalign.methods.thresholds import Threshold
from tagalign.option_fields import check_count, check_share, option

RELEASED = "the release, on COCO"


@dataclass(frozen=True, kw_only=True)
class PiaaOptions:
    """Everything that changes an answer; those of the bank act when a folder is looked at."""

    profile: PiaaProfileName = option(
        "fixed", "named switches: the second choice of patches, labels without any"
    )
    look: Path | None = option(
        None,
        "the look at the folder with its bank of patches (tagalign look --method piaa)",
        given_by="--look",
    )
    mode: str = option(
        "sclip", "dense mode of the patches", source="the release has SC-CLIP, ITACLIP and SCLIP"
    )
    short_side: int | None = option(
        None,
        "short side of the model's input in pixels",
        source="448 for encoders of 224 pixels, as the papers",
    )
    keep: int = option(512, "k: surest patches of each label", source="PIAA")
    keep_per_photo: int | None = option(
        None, "of them from one photo at most", source="ours; the release has no limit"
    )
    temperature: float = option(
        0.01,
        "factor of the logits in the second choice, for profile released",
        source=f"{RELEASED}; 100 on VOC",
    )
    class_scale: float = option(80.0, "s_c, of the class token's cosines", source=RELEASED, verbs=("tag",))
    patch_scale: float = option(
        400.0, "s_p, of the best patches", source=f"{RELEASED}; 200 on VOC", verbs=("tag",)
    )
    class_weight: float = option(
        0.1, "of the class token beside the patches, in [0, 1]", source="PIAA", verbs=("tag",)
    )
    threshold: Threshold = option(Threshold(kind="relative", value=0.5), verbs=("tag",), **THRESHOLD)

    def __post_init__(self) -> None:
        for name in ("short_side", "keep", "keep_per_photo"):
            check_count(name, getattr(self, name))
        check_share("class_weight", self.class_weight)
        for name in ("temperature", "class_scale", "patch_scale"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}: expected a number above 0, got {getattr(self, name):g}")

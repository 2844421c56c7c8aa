"""Options of proxy attention: those of the dense methods, the companion, and how it decides."""

from dataclasses import dataclass
from typing import Literal

from tagalign.backbones.companion_names import DEFAULT
from tagalign.errors import InputError
from tagalign.methods.dense.options import DenseOptions, ProfileName
from tagalign.option_fields import option

_SOURCE = "ProxyCLIP, arXiv:2408.04883"


@dataclass(frozen=True, kw_only=True)
class ProxyOptions(DenseOptions):
    """Everything that changes an answer of proxy attention."""

    profile: ProfileName = option("fixed", "named switches: windows, order of sigmoid and upsampling, prompt")
    companion: str = option(
        DEFAULT,
        "the second encoder, a folder or a hub id: a DINO ViT, or a DINOv2 with or without registers",
        source="ours: patch 14; the paper takes DINO ViT-B/8, which costs four times as much",
        given_by="--companion",
    )
    mode_profile: Literal["paper", "released", "fixed"] = option(
        "fixed",
        "positions and mean: `released` shifts positions by 0.1 patches; `paper` and `fixed` resize them to the size",
        source=_SOURCE,
    )
    beta: float = option(
        1.2, "a pair of patches counts where its cosine is above beta times the mean", source=_SOURCE
    )
    gamma: float = option(3.0, "sharpness of the weights, above 0", source=_SOURCE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gamma <= 0 or self.beta < 0:
            raise InputError(
                f"expected gamma above 0 and beta from 0, got gamma={self.gamma:g}, beta={self.beta:g}"
            )
        if not self.companion.strip():
            raise InputError("companion: expected a folder or a hub id, got an empty text")

"""A second frozen encoder that lends its features: DINO and DINOv2, whose patches of one thing are alike.

It knows no texts. What it says of a photo depends on neither the labels nor the encoder that it stands beside.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.finite import checked
from tagalign.backbones.vision_only import VisionOnly, load_vision_only
from tagalign.errors import InputError, ModelError

COMPANIONS = {
    "vit": "ViTModel",
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
}
"""``model_type`` -> class of transformers."""


class Companion:
    """A companion encoder.

    Attributes:
        found: the model.
        patch_size: pixels.
        width: of its features.
        num_prefix: rows before the patches: class token and registers.
    """

    def __init__(self, found: VisionOnly) -> None:
        patch = getattr(found.config, "patch_size", None)
        if not isinstance(patch, int) or patch < 1:
            raise ModelError(f"{found.name}: a companion has square patches, got patch_size {patch!r}")
        self.found, self.patch_size = found, patch
        self.width = int(found.config.hidden_size)
        self.num_prefix = 1 + int(getattr(found.config, "num_register_tokens", 0) or 0)
        # a ViT resizes its positions only when asked; the others always do
        self._more = {"interpolate_pos_encoding": True} if found.kind == "vit" else {}

    def facts(self) -> dict[str, object]:
        """What a result must name of it."""
        return {**self.found.facts(), "patch_size": self.patch_size}

    @torch.no_grad()
    def features(
        self, pixels: Float[Tensor, "batch 3 height pixel_width"]
    ) -> Float[Tensor, "batch width rows cols"]:
        """Patch rows after the last layer norm, as maps.

        Args:
            pixels: normalised with ImageNet's statistics; sides are multiples of the patch.

        Raises:
            InputError: for other sides.
        """
        height, width = pixels.shape[2:]
        if height % self.patch_size or width % self.patch_size or not height * width:
            raise InputError(
                f"expected sides that are multiples of the companion's patch of {self.patch_size} pixels, got {height} x "
                f"{width}"
            )
        model = self.found.model
        rows = model(pixels.to(model.device), **self._more).last_hidden_state[:, self.num_prefix :]
        grid = (height // self.patch_size, width // self.patch_size)
        found = rows.transpose(1, 2).unflatten(2, grid).float()
        return checked(found, model, name=self.found.name, what="features of the companion")


def load_companion(name: str, *, device: torch.device | str = "cpu") -> Companion:
    """A companion by name.

    Args:
        name: a folder or a hub id of a DINO ``ViTModel`` or a DINOv2, with or without registers.
        device: where it runs.

    Raises:
        ModelError: for another kind of model, or one that cannot be loaded.
    """
    return Companion(
        load_vision_only(name, COMPANIONS, what="a companion encoder with patches", device=device)
    )

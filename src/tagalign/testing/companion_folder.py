"""Small companions with random weights, for tests of method ``proxy``: DINO's ViT, DINOv2, and DINOv2 with registers."""

from pathlib import Path
from typing import Any, Literal

import torch
import transformers

CompanionKind = Literal["vit", "dinov2", "dinov2_with_registers"]


def make_companion_folder(
    folder: Path, *, kind: CompanionKind = "dinov2", patch_size: int = 7, width: int = 24, seed: int = 0
) -> Path:
    """A companion of two layers and four by four native patches."""
    sizes: dict[str, Any] = {
        "hidden_size": width, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 4 * patch_size, "patch_size": patch_size, "initializer_range": 0.3,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any
        if kind == "vit":
            config = transformers.ViTConfig(**sizes, intermediate_size=2 * width)
            model = transformers.ViTModel(config, add_pooling_layer=False)
        elif kind == "dinov2":
            model = transformers.Dinov2Model(transformers.Dinov2Config(**sizes, mlp_ratio=2))
        else:
            settings = transformers.Dinov2WithRegistersConfig(**sizes, mlp_ratio=2, num_register_tokens=3)
            model = transformers.Dinov2WithRegistersModel(settings)
        model.save_pretrained(folder)
    return folder

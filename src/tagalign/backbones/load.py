"""From a name to a frozen encoder: ``tiny``, a folder, or a hub id. Safetensors only, no code from the hub."""

from pathlib import Path

import torch

from tagalign.backbones.catalog import file_hash, model_folder, read_json, weight_file
from tagalign.backbones.families import FAMILIES, REFUSED
from tagalign.backbones.family import Config, Source
from tagalign.backbones.protocols import Backbone, BlockBackbone, Weights
from tagalign.backbones.weights import open_tensors
from tagalign.errors import ModelError


def load_backbone(
    name: str, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> BlockBackbone:
    """A frozen vision transformer with its text tower, by name.

    Args:
        name: ``tiny`` (in the package: drawn scenes only), a folder of one of ``FAMILIES``, or a hub id such as
            ``openai/clip-vit-base-patch16``.
        device: where the weights go.
        dtype: of the weights; float32 or bfloat16, whatever the file holds.

    Raises:
        ModelError: if the folder is of no known family, its weights are missing, truncated, pickled or of another shape.
    """
    backbone = open_backbone(name, device=device, dtype=dtype)
    if not isinstance(backbone, BlockBackbone):
        raise ModelError(
            f"{name}: a {backbone.family} has no blocks of patches; use method {backbone.family!r}, "
            "or give a CLIP (model_type 'clip')"
        )
    return backbone


def open_backbone(
    name: str, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Backbone:
    """As ``load_backbone``, for families without blocks too (GroupViT)."""
    folder = model_folder(name)
    config = read_json(folder / "config.json")
    weights = weight_file(folder)
    family = FAMILIES[checked_type(config, folder)]
    return family.open(
        Source(
            config=config,
            folder=folder,
            tensors=open_tensors(weights),
            weights=Weights(name=name, hash=file_hash(weights)),
            dtype=dtype,
            device=device,
        )
    )


def checked_type(config: Config, folder: Path) -> str:
    """The ``model_type`` of a config, where it is one of the table.

    Raises:
        ModelError: naming what it is and what is expected.
    """
    kind = config.get("model_type")
    if kind in FAMILIES:
        return str(kind)
    if kind in REFUSED:
        raise ModelError(f"{folder}: model_type {kind!r} cannot be used: {REFUSED[kind]}")
    raise ModelError(
        f"{folder}: expected a CLIP model (model_type {', '.join(map(repr, FAMILIES))}), got {kind!r}"
    )

"""From a name to a frozen encoder: ``tiny``, a folder, a file, or a hub id. No code from the hub is run."""

from functools import partial

import torch

from tagalign.backbones.families import FAMILIES, REFUSED
from tagalign.backbones.family import Config, FoundModel
from tagalign.backbones.hub.locate import locate
from tagalign.backbones.protocols import Backbone, BlockBackbone, Weights
from tagalign.errors import ModelError
from tagalign.ops.precision import resolve_precision


def load_backbone(
    name: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    allow_pickle: bool = False,
    precision: str = "fp32",
    compile: bool = False,
) -> BlockBackbone:
    """A frozen vision transformer with its text tower, by name.

    Args:
        name: ``tiny`` or ``tiny-plain`` (drawn scenes only), a folder of one of ``FAMILIES``, a hub id such as
            ``openai/clip-vit-base-patch16``, with ``@revision`` behind it if wanted, or ``auto`` for the photo model.
        device: where the weights go.
        dtype: of the weights; float32 or bfloat16, whatever the file holds.
        allow_pickle: open weights that are there as a pickle alone, of any origin; it is read without being run.
        precision: of the products of the vision tower: ``fp32``, ``bf16``, or ``auto`` for bf16 where the device
            multiplies it faster (see ``ops.precision``).
        compile: run whole blocks through ``torch.compile``; see ``BlockBackbone.compile_blocks``.

    Raises:
        UnknownNameError: for another precision.
        InputError: for ``compile`` without a compiler.
        ModelError: if the model is of no known family, its weights are missing, truncated, of another shape, or a pickle
            that needs ``allow_pickle``.
    """
    backbone = open_backbone(name, device=device, dtype=dtype, allow_pickle=allow_pickle)
    if not isinstance(backbone, BlockBackbone):
        raise ModelError(
            f"{name}: a {backbone.family} has no blocks of patches; use method {backbone.family!r}, "
            "or give a CLIP (model_type 'clip')"
        )
    chosen = resolve_precision(precision, torch.device(device))
    if chosen != "fp32":
        backbone.multiply_in(chosen)
    if compile:
        backbone.compile_blocks()
    return backbone


def open_backbone(
    name: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    allow_pickle: bool = False,
) -> Backbone:
    """As ``load_backbone``, for families without blocks too (GroupViT)."""
    found = locate(name, allow_pickle=allow_pickle, check=lambda config: checked_type(config, name))
    family = FAMILIES[checked_type(found.config, found.name)]
    return family.open(
        FoundModel(
            config=found.config,
            folder=found.folder,
            tensors=found.tensors(),
            weights=Weights(name=found.name, hash=found.weight_hash, revision=found.revision),
            image_processor=found.image_processor,
            dtype=dtype,
            device=device,
            open_other=partial(load_backbone, device=device, dtype=dtype),
        )
    )


def checked_type(config: Config, folder: object) -> str:
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

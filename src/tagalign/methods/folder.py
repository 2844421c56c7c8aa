"""Model folders: ``config.json`` + ``model.safetensors`` (+ vocabulary, settings, model card). Loaded strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tagalign.atomic import atomic_write, sweep
from tagalign.backbones.catalog import read_json, weight_file
from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import ModelError
from tagalign.json_text import json_text

FORMAT = 1
"""Counted up when a folder of an older version can no longer be read."""


def save_folder(
    folder: Path,
    *,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write a model folder; each file appears whole or not at all, ``config.json`` last.

    Args:
        folder: made if missing.
        config: JSON values; must hold ``model_type``.
        tensors: trained tensors alone.
        texts: further files by name, e.g. ``vocabulary.tsv``, ``README.md``, ``settings.json``.
    """
    sweep(folder, ["model.safetensors", "config.json", *(texts or {})])
    # safetensors refuses what is not contiguous, and a transposed or sliced parameter is not
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(folder / "model.safetensors") as path:
        save_file(contiguous, path)
    for name, text in (texts or {}).items():
        with atomic_write(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    # last: a folder without a config is no model, so a kill on the way leaves nothing that opens
    with atomic_write(folder / "config.json") as path:
        path.write_text(json_text({"format": FORMAT, **config}, indent=2) + "\n", encoding="utf-8")


def read_folder_config(folder: Path, *, model_type: str) -> dict[str, Any]:
    """The config of a model folder of ours.

    Raises:
        ModelError: if it is missing, damaged, of another model type, or of a newer format.
    """
    config = read_json(folder / "config.json")
    if config.get("model_type") != model_type:
        raise ModelError(
            f"{folder}: expected a {model_type} model, got model_type {config.get('model_type')!r}"
        )
    if config.get("format", 0) > FORMAT:
        raise ModelError(
            f"{folder}: written in format {config['format']} by a newer tagalign, this one reads up to {FORMAT}; upgrade"
        )
    return config


def load_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model folder.

    Raises:
        ModelError: if the file is missing, truncated, or a pickle.
    """
    path = weight_file(folder)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path}: cannot be read ({error}); the file may be truncated or no safetensors file"
        ) from error


def check_encoder(
    folder: Path,
    encoder: BlockBackbone,
    *,
    name: object,
    weight_hash: object,
    sizes: tuple[int, int] | None = None,
) -> None:
    """Refuse another encoder than the one that a folder was trained on.

    Args:
        folder: for messages.
        encoder: that was found.
        name: of the one it was trained on.
        weight_hash: of that one.
        sizes: width and dimension of the joint space of that one, where the folder says them.

    Raises:
        ModelError: for other weights or sizes.
    """
    if encoder.weight_hash != weight_hash:
        raise ModelError(
            f"{folder}: trained on {name} with weights {weight_hash}, found weights {encoder.weight_hash}; "
            "use the same backbone or train again"
        )
    if sizes is not None and sizes != (encoder.width, encoder.embed_dim):
        raise ModelError(
            f"{folder}: made for width {sizes[0]} and dimension {sizes[1]}, "
            f"{name} has {encoder.width} and {encoder.embed_dim}"
        )


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], *, folder: Path) -> None:
    """Load a state dict of which nothing may be missing, left over, of another shape, or not finite.

    Raises:
        ModelError: naming the first key that is wrong.
    """
    own = module.state_dict()
    wrong = [f"{k} is missing" for k in own.keys() - tensors.keys()]
    wrong += [f"{k} is unknown" for k in tensors.keys() - own.keys()]
    wrong += [
        f"{k} has shape {tuple(tensors[k].shape)}, expected {tuple(own[k].shape)}"
        for k in own.keys() & tensors.keys()
        if own[k].shape != tensors[k].shape
    ]
    # last, because it reads every number; names and shapes cost nothing
    wrong = wrong or [f"{k} is not finite" for k, v in tensors.items() if not bool(v.isfinite().all())]
    if wrong:
        raise ModelError(f"{folder}: the weights do not fit the model; first of {len(wrong)}: {min(wrong)}")
    module.load_state_dict(dict(tensors))

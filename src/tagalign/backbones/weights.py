"""Weights of a folder: safetensors mapped into memory, named as our towers name them, loaded strictly and without a copy."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tagalign.errors import ModelError

Rules = Sequence[tuple[str, str]]
"""Pairs of a pattern and its replacement; all that match are applied, in turn."""


def open_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file or of the shards that an index names, mapped: nothing is read until it is used.

    Raises:
        ModelError: if a file is missing, truncated, or no safetensors file.
    """
    if path.suffix != ".json":
        return _one_file(path)
    tensors: dict[str, Tensor] = {}
    for shard in shards_of(path):
        tensors |= _one_file(shard)
    return tensors


def shards_of(index: Path) -> list[Path]:
    """The files that an index names, in its order.

    Raises:
        ModelError: if the index is damaged or names a file that is not there.
    """
    try:
        names = list(dict.fromkeys(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index}: expected an index of shards with a weight_map ({error!r})") from error
    shards = [index.parent / str(name) for name in names]
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise ModelError(f"{index.parent}: {missing[0]} is missing, which {index.name} names; fetch it again")
    return shards


def _one_file(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{path.parent}: the weights cannot be loaded ({reason}); the file may be truncated"
        ) from error


def renamed(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Tensors under other names; ``position_ids``, which old files carry and towers compute, are left out."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith("position_ids"):
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[name] = tensor
    return found


def fill(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    dtype: torch.dtype,
    where: str,
    optional: Sequence[str] = (),
) -> None:
    """Put tensors in the place of a module's parameters: none missing, left over, or of another shape. No copy in ``dtype``.

    Args:
        module: its parameters' own values are dropped.
        tensors: by the names of its state dict.
        dtype: wanted; float32 of a float32 file stays mapped.
        where: begins the message.
        optional: names that keep the module's own value where they are missing.

    Raises:
        ModelError: naming the first key that does not fit, or whose values are not finite.
    """
    own = module.state_dict()
    tensors = {**{name: own[name] for name in optional}, **tensors}
    wrong = [f"{name} is missing" for name in sorted(own.keys() - tensors.keys())]
    wrong += [f"{name} is left over" for name in sorted(tensors.keys() - own.keys())]
    wrong += [
        f"{name} has shape {list(tensors[name].shape)}, the config wants {list(own[name].shape)}"
        for name in sorted(own.keys() & tensors.keys())
        if own[name].shape != tensors[name].shape
    ]
    if wrong:
        raise ModelError(f"{where}: weights do not fit the config; first of {len(wrong)}: {wrong[0]}")
    if odd := [
        name for name, tensor in tensors.items() if not (tensor.is_floating_point() or name in optional)
    ]:
        raise ModelError(f"{where}: expected weights in floating point, {odd[0]} is {tensors[odd[0]].dtype}")
    wanted = {name: tensor if name in optional else tensor.to(dtype) for name, tensor in tensors.items()}
    for name, tensor in wanted.items():
        # a sum is not finite if a summand is not; every value is read for the answer anyway
        if tensor.is_floating_point() and not tensor.sum(dtype=torch.float32).isfinite():
            raise ModelError(
                f"{where}: {name} has values that are not finite; the file is damaged, fetch it again"
            )
    module.load_state_dict(wanted, assign=True)

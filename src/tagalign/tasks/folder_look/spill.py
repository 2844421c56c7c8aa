"""Encoded photos in a file without a name: it goes with the process, whatever ends it, and nothing in it can be run."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

SPILL_SHARE = 0.5
"""Of the free space of the disk: 600 photos of 448 pixels need 1 GB, and who writes results needs space too."""

Structure = tuple[type, tuple[Any, ...]] | None
"""A dataclass or a tuple with the structures inside; None for a leaf. Equal for values that differ in their leaves alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spilled:
    """A value that lies in the file.

    Attributes:
        place: of its first byte.
        size: in bytes.
        structure: what its leaves belong to; one for all values that are built alike.
        plain: leaves that are no tensors, by their number; they stay in memory.
        device: of its tensors.
    """

    place: int
    size: int
    structure: Structure
    plain: dict[int, Any]
    device: torch.device


class SpillFile:
    """Values of dataclasses, tuples and tensors on a disk.

    Args:
        folder: on whose disk.
        share: of its free space, at most.
    """

    def __init__(self, folder: Path, share: float = SPILL_SHARE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._room = int(share * shutil.disk_usage(folder).free)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with this
        self._structures: dict[Structure, Structure] = {}

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def write(self, value: Any) -> Spilled | None:
        """Put a value behind the others; None where there is no room any more."""
        leaves: list[Any] = []
        structure = _taken_apart(value, leaves)
        tensors = {str(i): leaf.contiguous() for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)}
        content = save(tensors)
        if len(content) > self._room:
            return None
        try:
            place = self._file.seek(0, 2)
            self._file.write(content)
        except OSError:  # the disk is full after all
            self._room = 0
            return None
        self._room -= len(content)
        return Spilled(
            place=place,
            size=len(content),
            structure=self._structures.setdefault(structure, structure),
            plain={i: leaf for i, leaf in enumerate(leaves) if not isinstance(leaf, Tensor)},
            device=next((one.device for one in tensors.values()), torch.device("cpu")),
        )

    def read(self, spilled: Spilled) -> Any:
        """The value again, to the last bit."""
        self._file.seek(spilled.place)
        tensors = load(self._file.read(spilled.size))
        found = {int(i): tensor.to(spilled.device) for i, tensor in tensors.items()} | spilled.plain
        return _put_together(spilled.structure, iter([found[i] for i in range(len(found))]))


def _taken_apart(value: Any, leaves: list[Any]) -> Structure:
    if isinstance(value, tuple):
        return tuple, tuple(_taken_apart(one, leaves) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = tuple(_taken_apart(getattr(value, one.name), leaves) for one in fields(value))
        return type(value), parts
    leaves.append(value)
    return None


def _put_together(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return next(leaves)
    kind, parts = structure
    values = [_put_together(one, leaves) for one in parts]
    if kind is tuple:
        return tuple(values)
    return kind(**{one.name: value for one, value in zip(fields(kind), values, strict=True)})

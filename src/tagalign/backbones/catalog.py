"""Folders of models, ours and others: where a name lies, and the files that every folder has."""

import hashlib
from pathlib import Path
from typing import Any

from tagalign.backbones.config import read_json
from tagalign.backbones.hub.choose import PICKLE_SUFFIXES
from tagalign.backbones.hub.locate import locate, peek
from tagalign.errors import ModelError

__all__ = ["HUB_FILES", "file_hash", "hub_config", "model_folder", "read_json", "weight_file"]

HUB_FILES = ("*.json", "*.txt", "*.tsv", "*.safetensors")


def model_folder(name: str) -> Path:
    """The local folder of a name; of a hub id, where it was fetched to.

    Raises:
        ModelError: if there is no such folder and the hub has or answers nothing.
    """
    return locate(name).folder


def hub_config(name: str) -> dict[str, Any]:
    """``config.json`` of a name, without its weights; empty for a file with weights.

    Raises:
        ModelError: if there is no such model.
    """
    return peek(name)


def weight_file(folder: Path) -> Path:
    """``model.safetensors`` of a folder, or the index of its shards.

    Raises:
        ModelError: if there is none; the message says so when a pickle lies there instead.
    """
    for name in ("model.safetensors", "model.safetensors.index.json"):
        if (folder / name).exists():
            return folder / name
    pickles = [p.name for p in folder.iterdir() if p.suffix in PICKLE_SUFFIXES]
    if pickles:
        raise ModelError(
            f"{folder}: only a pickle ({pickles[0]}) is there, which can run code; convert it to model.safetensors"
        )
    raise ModelError(f"{folder}: model.safetensors is missing")


def file_hash(path: Path) -> str:
    """First 16 hex digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]

"""From a name to the folder of a model: ``tiny``, a folder, or a hub id. Safetensors only, no code from the hub."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tagalign.backbones.tiny import tiny_clip_dir
from tagalign.errors import ModelError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
HUB_FILES = ("*.json", "*.txt", "*.tsv", "*.safetensors")


def model_folder(name: str) -> Path:
    """The local folder of a name; a hub id is downloaded (or found in the cache when offline).

    Raises:
        ModelError: if there is no such folder and the hub has or answers nothing.
    """
    if name == "tiny":
        return tiny_clip_dir()
    path = Path(name)
    if path.is_dir():
        return path
    if path.suffix in PICKLES:
        raise ModelError(
            f"{name}: a pickle can run code when it is opened and is refused; give a folder with model.safetensors"
        )
    if path.exists():
        raise ModelError(f"{name}: expected a model folder, got a file")
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(
            f"{name}: no such folder; give 'tiny', a model folder, or a hub id such as openai/clip-vit-base-patch16"
        )
    return _download(name)


def hub_config(name: str) -> dict[str, Any]:
    """``config.json`` of a hub id; empty where it is none or cannot be had: opening the model says why."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or Path(name).exists():
        return {}
    from huggingface_hub import hf_hub_download  # late, as below

    try:
        return read_json(Path(hf_hub_download(name, "config.json")))
    except Exception:  # of many kinds, as below
        return {}


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download  # late: it costs time that no local model needs

    try:
        return Path(snapshot_download(name, allow_patterns=list(HUB_FILES)))
    except Exception as error:  # no network, no such repository, a gated one: the user's to mend, all alike
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{name}: no such folder here, and it could not be fetched from the hub ({reason}); "
            "check the name and the network, or give a folder"
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a model folder.

    Raises:
        ModelError: if it is missing, damaged, or not an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent}: not a model folder ({path.name} is missing)") from error
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: damaged ({error})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def weight_file(folder: Path) -> Path:
    """``model.safetensors`` of a folder, or the index of its shards.

    Raises:
        ModelError: if there is none; the message says so when a pickle lies there instead.
    """
    for name in ("model.safetensors", "model.safetensors.index.json"):
        if (folder / name).exists():
            return folder / name
    pickles = [p.name for p in folder.iterdir() if p.suffix in PICKLES]
    if pickles:
        raise ModelError(
            f"{folder}: only a pickle ({pickles[0]}) is there, which can run code; convert it to model.safetensors"
        )
    raise ModelError(f"{folder}: model.safetensors is missing")


def file_hash(path: Path) -> str:
    """First 16 hex digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]

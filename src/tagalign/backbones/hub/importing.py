"""Any CLIP that opens becomes a folder in today's form: ``config.json``, ``model.safetensors``, tokenizer, pixel rule."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.backbones.hub.choose import small_files
from tagalign.backbones.hub.converted import write_safetensors
from tagalign.backbones.hub.fetch import fetch_small
from tagalign.backbones.hub.listing import File, Listing, list_folder
from tagalign.backbones.hub.locate import list_hub, local_path, locate, parse_hub_id, unreachable
from tagalign.backbones.hub.pickles import read_state_dict
from tagalign.backbones.hub.trouble import Unreachable
from tagalign.backbones.models import resolve_auto
from tagalign.errors import ModelError
from tagalign.json_text import json_text

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def import_clip(name: str, out: Path, *, tokenizer: str, half: bool = False) -> dict[str, Tensor]:
    """Write the folder of a CLIP: a file of weights (a pickle and OpenAI's archives included), a folder, or a hub id.

    Args:
        name: as ``locate`` takes it. A pickle is read without being run; naming it here is the permission.
        out: made if missing; ``config.json`` appears last.
        tokenizer: folder or hub id whose tokenizer is taken where none lies beside the weights.
        half: store float16.

    Returns:
        The tensors that were written.

    Raises:
        ModelError: if it is no CLIP, is damaged, or has no tokenizer.
        InputError: if the folder cannot be written.
    """
    source = locate(name, allow_pickle=True)
    if source.pickled:
        # read without a copy in the cache: the folder is the copy
        tensors = {k: v for path in source.weights for k, v in read_state_dict(path).items()}
        source = replace(source, pickled=False, opened=tensors)
    config, named = source.config, dict(source.tensors())
    if half:
        named = {k: v.half() if v.is_floating_point() else v for k, v in named.items()}
    words = tokenizer_folder(source.folder, tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "model.safetensors", {k: v for k, v in named.items() if torch.is_tensor(v)})
    _copy(words, out, TOKENIZER_FILES)
    if (rule := source.image_processor) is not None:
        _write_json(out / PROCESSORS[0], rule)
    else:
        _copy(source.folder, out, PROCESSORS)
    _write_json(out / "config.json", config)
    return named


def tokenizer_folder(beside: Path, otherwise: str) -> Path:
    """The folder with the tokenizer of a file of weights: its own, else the one that is named.

    Raises:
        ModelError: if that one has none, or cannot be had.
    """
    if _has_tokenizer(list_folder(beside)):
        return beside
    otherwise = resolve_auto(otherwise)
    path = local_path(otherwise)
    if path is not None:
        listing = list_folder(path)
    else:
        hub_id = parse_hub_id(otherwise)
        try:
            listing = list_hub(hub_id)
            path = fetch_small(hub_id, listing, _tokenizer_files(listing))
        except Unreachable as trouble:
            raise unreachable(hub_id, trouble, instead="") from trouble
    if not _has_tokenizer(listing):
        raise ModelError(
            f"{otherwise}: has no tokenizer.json (nor vocab.json with merges.txt); give another --tokenizer, "
            f"or put the tokenizer's files into {beside}"
        )
    return path


def _tokenizer_files(listing: Listing) -> list[File]:
    return [file for file in small_files(listing) if file.path in TOKENIZER_FILES]


def _has_tokenizer(listing: Listing) -> bool:
    return "tokenizer.json" in listing or ("vocab.json" in listing and "merges.txt" in listing)


def _copy(source: Path, out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).is_file() and source.resolve() != out.resolve():
            with atomic_write(out / name) as temp:
                shutil.copyfile(source / name, temp)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with atomic_write(path) as temp:
        temp.write_text(json_text(values, indent=2) + "\n", encoding="utf-8")

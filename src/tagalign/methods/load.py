"""The table of methods: a name and a model become something that answers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.catalog import hub_config, model_folder, read_json
from tagalign.backbones.hub.locate import admit_pickle
from tagalign.backbones.load import load_backbone
from tagalign.backbones.models import resolve_auto
from tagalign.errors import MissingPartError, ModelError, UnknownNameError
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.gated.method import build_gated
from tagalign.methods.groupvit import build_groupvit
from tagalign.methods.protocols import Method
from tagalign.methods.tagalign.folder import MODEL_TYPE, load_tagalign
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.trusty.folder import load_trusty

Device = torch.device | str
Builder = Callable[..., Method[Any]]

TRAINING_FREE = ("clip", "maskclip", "surgery", "sclip", "clearclip", "naclip", "tagclip", "cls-seg", "gated")
DEFAULT_METHOD = "maskclip"
"""For a plain CLIP folder without a method named: no training, and one pass."""


def load_method(
    name: str,
    *,
    method: str | None = None,
    device: Device = "auto",
    allow_pickle: bool = False,
    **options: Any,
) -> Method[Any]:
    """Open a model.

    Args:
        name: ``tiny``, a folder (a CLIP, or one written by ``tagalign train``), a hub id of either, with ``@revision``
            behind it if wanted, or ``auto`` for the photo model.
        method: one of ``METHODS``; None takes what the folder was trained for, or ``maskclip`` for a plain CLIP.
        device: ``auto`` is CUDA where there is one.
        allow_pickle: open weights that are there as a pickle alone, of a repository that is not in our table, or of a
            folder; they are read without being run, and kept as safetensors.
        options: of the method, e.g. ``profile``, ``short_side``, ``batch_size``.

    Raises:
        UnknownNameError: for a method that does not exist.
        MissingPartError: for a method whose trained part is not in the folder.
        ModelError: for a folder that cannot be used.
    """
    name = resolve_auto(name)
    if allow_pickle:
        admit_pickle(name)
    trained = trained_type(name)
    chosen = method or trained or DEFAULT_METHOD
    if chosen not in METHODS:
        raise UnknownNameError("method", chosen, METHODS)
    if trained is not None and chosen != trained and chosen not in TRAINING_FREE:
        raise ModelError(
            f"{name}: holds a {trained} model, asked for {chosen!r}; leave the method out, or give another folder"
        )
    if trained is not None:
        name = str(model_folder(name))  # of a hub id: what was fetched of it
    return METHODS[chosen](name, device=pick_device(device), trained=trained, **options)


def pick_device(device: Device) -> torch.device:
    """A torch device; ``auto`` is CUDA where there is one.

    Raises:
        ModelError: if CUDA is asked for and there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda' was asked for, but PyTorch sees no CUDA device; use --device cpu")
    return chosen


def trained_type(name: str) -> str | None:
    """The kind of trained model of a folder or a hub id: ``tagalign``, ``trusty``, ``tag2text``; None for a CLIP."""
    path = Path(name) / "config.json"
    kind = (read_json(path) if path.is_file() else hub_config(name)).get("model_type")
    return kind if kind in TRAINED else None


def _backbone_name(name: str, trained: str | None) -> str:
    """The CLIP below a trained folder, so that baselines can be run from the same folder."""
    return str(read_json(Path(name) / "config.json")["backbone"]) if trained else name


def _dense(
    name: str, *, mode: str, device: torch.device, trained: str | None, profile: str = "paper", **options: Any
) -> Method[Any]:
    backbone = load_backbone(_backbone_name(name, trained), device=device)
    return DenseMethod(backbone, method=mode, mode=mode, profile=dense_profile(profile), **options)


def _tagalign(name: str, *, device: torch.device, trained: str | None, **options: Any) -> Method[Any]:
    if trained != MODEL_TYPE:
        raise missing_part("tagalign", name, "tagalign train --data PAIRS --model " + name + " --out FOLDER")
    return load_tagalign(Path(name), device=device, **options)


def _tagclip(name: str, *, device: torch.device, trained: str | None, **options: Any) -> Method[Any]:
    return TagClip(load_backbone(_backbone_name(name, trained), device=device), **options)


def _cls_seg(name: str, *, device: torch.device, trained: str | None, **options: Any) -> Method[Any]:
    return ClsSeg(load_backbone(_backbone_name(name, trained), device=device), **options)


def _gated(name: str, **options: Any) -> Method[Any]:
    segmenters = {known: builder for known, builder in METHODS.items() if known != "gated"}
    return build_gated(name, segmenters=segmenters, **options)


def _tag2text(name: str, *, device: torch.device, trained: str | None, **options: Any) -> Method[Any]:
    # late: Swin, ViT and BLIP cost time that no CLIP needs
    from tagalign.methods.tag2text.folder import build

    return build(name, device=device, trained=trained, **options)


def _trusty(name: str, *, device: torch.device, trained: str | None, **options: Any) -> Method[Any]:
    if trained != "trusty":
        command = f"tagalign train --method trusty --data voc2012 --path FOLDER --model {name} --out FOLDER"
        raise missing_part("trusty", name, command)
    return load_trusty(Path(name), device=device, **options)


def missing_part(method: str, name: str, command: str) -> MissingPartError:
    """The refusal of a method without its trained part: how to train it, and what needs no training."""
    return MissingPartError(
        f"method {method!r} needs a trained part, and {name} has none; train it with: {command}. "
        f"These need no training: {', '.join(TRAINING_FREE)}"
    )


TRAINED = ("tagalign", "trusty", "tag2text")

METHODS: dict[str, Builder] = {
    "clip": partial(_dense, mode="clip"),
    "maskclip": partial(_dense, mode="maskclip"),
    "surgery": partial(_dense, mode="surgery"),
    "sclip": partial(_dense, mode="sclip"),
    "clearclip": partial(_dense, mode="clearclip"),
    "naclip": partial(_dense, mode="naclip"),
    "tagalign": _tagalign,
    "tagclip": _tagclip,
    "cls-seg": _cls_seg,
    "gated": _gated,
    "groupvit": build_groupvit,
    "tag2text": _tag2text,
    "trusty": _trusty,
}

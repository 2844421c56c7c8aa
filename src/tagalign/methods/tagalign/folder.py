"""TagAlign: a projector trained on tags of captions, on top of CLIP's v-v surgery stream; its model folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.errors import ModelError
from tagalign.json_text import json_text
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.dense.projector import Projector
from tagalign.methods.folder import (
    check_encoder,
    load_strictly,
    load_tensors,
    read_folder_config,
    save_folder,
)
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources

MODEL_TYPE = "tagalign"
MODE = "surgery"


@dataclass(frozen=True, kw_only=True)
class TagAlignConfig:
    """What ``config.json`` of a TagAlign folder says.

    Attributes:
        backbone: name of the frozen CLIP (``tiny``, a folder, a hub id).
        backbone_hash: of its weights; another file is refused.
        profile: it was trained with; the default for inference.
        mode: dense mode of the features the projector saw.
        width: of the features.
        dim: of the joint space.
        num_blocks: gated convolutions.
        logit_scale: learned inverse temperature of the tag loss.
    """

    backbone: str
    backbone_hash: str
    profile: str
    width: int
    dim: int
    mode: str = MODE
    num_blocks: int = 4
    logit_scale: float = 100.0

    @classmethod
    def read(cls, folder: Path) -> "TagAlignConfig":
        """From a model folder.

        Raises:
            ModelError: if a field is missing or of another type.
        """
        values = read_folder_config(folder, model_type=MODEL_TYPE)
        try:
            return cls(**{name: kind(values[name]) for name, kind in _FIELDS.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder}/config.json: field missing or of a wrong type ({error})") from error


_FIELDS: dict[str, type] = {
    "backbone": str,
    "backbone_hash": str,
    "profile": str,
    "width": int,
    "dim": int,
    "mode": str,
    "num_blocks": int,
    "logit_scale": float,
}


def save_tagalign(
    folder: Path,
    projector: Projector,
    config: TagAlignConfig,
    *,
    vocabulary: str = "",
    settings: Mapping[str, Any] | None = None,
    card: str = "",
) -> None:
    """Write a folder that ``tagalign.load`` opens.

    Args:
        folder: made if missing.
        projector: the trained part.
        config: see ``TagAlignConfig``.
        vocabulary: text of ``vocabulary.tsv``.
        settings: of the training run.
        card: text of the model card.
    """
    texts = {"settings.json": json_text(settings or {}, indent=2) + "\n", "README.md": card or _card(config)}
    if vocabulary:
        texts["vocabulary.tsv"] = vocabulary
    values = {"model_type": MODEL_TYPE, **{name: getattr(config, name) for name in _FIELDS}}
    save_folder(folder, config=values, tensors=projector.state_dict(), texts=texts)


def _card(config: TagAlignConfig) -> str:
    return (
        f"# TagAlign projector\n\nBackbone `{config.backbone}` (weights {config.backbone_hash}), features `{config.mode}`, "
        f"profile `{config.profile}`.\n\nOpen it with `tagalign.load(FOLDER)`. Settings of the run: `settings.json`.\n"
    )


def load_tagalign(
    folder: Path,
    options: TagAlignOptions | None = None,
    *,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    compile: bool = False,
    resources: Resources | None = None,
) -> DenseMethod:
    """Open a TagAlign folder.

    Args:
        folder: written by ``tagalign train``.
        options: see ``TagAlignOptions``.
        device: where it runs.
        precision: see ``load_backbone``.
        compile: likewise.
        resources: windows encoded at a time.

    Raises:
        ModelError: if the folder or its backbone is not what it was trained on.
        UnknownNameError: for a dense mode that does not exist.
    """
    options = options or TagAlignOptions()
    config = TagAlignConfig.read(folder)
    backbone = load_backbone(config.backbone, device=device, precision=precision, compile=compile)
    check_encoder(
        folder,
        backbone,
        name=config.backbone,
        weight_hash=config.backbone_hash,
        sizes=(config.width, config.dim),
    )
    projector = _projector(folder, config)
    mode = options.mode or config.mode
    DENSE_MODES.find(mode)
    trained_profile = dense_profile(options.profile or config.profile).name
    return DenseMethod(
        backbone,
        replace(options, profile=trained_profile),  # type: ignore[arg-type]
        method=MODEL_TYPE,
        mode=mode,
        projector=projector.to(device),
        logit_scale=config.logit_scale,
        resources=resources,
    )


def build(opened: Opened, options: TagAlignOptions, resources: Resources) -> DenseMethod:
    """What ``tagalign.load(FOLDER)`` calls.

    Raises:
        MissingPartError: if the folder holds no projector.
    """
    if opened.trained != MODEL_TYPE:
        raise opened.missing_part()
    return load_tagalign(
        Path(opened.name),
        options,
        device=opened.device,
        precision=opened.precision,
        compile=opened.compile,
        resources=resources,
    )


def _projector(folder: Path, config: TagAlignConfig) -> Projector:
    projector = Projector(width=config.width, dim=config.dim, num_blocks=config.num_blocks)
    load_strictly(projector, {k: v.float() for k, v in load_tensors(folder).items()}, folder=folder)
    return projector

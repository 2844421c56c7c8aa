"""TrustyCLIP's model folder: the trained tensors (about 12 M values at ViT-B/16) and what is needed to use them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.load import load_backbone
from tagalign.errors import ModelError
from tagalign.json_text import json_text
from tagalign.methods.folder import (
    check_encoder,
    load_strictly,
    load_tensors,
    read_folder_config,
    save_folder,
)
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources
from tagalign.methods.trusty.method import METHOD, TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork, TrustySizes
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.methods.trusty.profiles import trusty_profile


@dataclass(frozen=True, kw_only=True)
class TrustyConfig:
    """What ``config.json`` of a TrustyCLIP folder says.

    Attributes:
        backbone: name of the frozen CLIP (``tiny``, a folder, a hub id).
        backbone_hash: of its weights; another file is refused.
        profile: it was trained with; the default for inference.
        setting: ``inductive``, ``transductive`` or ``supervised``.
        trusty_target: ``strict`` or ``paper``; ``none`` without a trusty token.
        trained: names of the classes with masks.
        templates: prompts of the class names.
        crop: side of the training crops in pixels; the default for the windows of inference.
        sizes: of the trained tensors.
    """

    backbone: str
    backbone_hash: str
    profile: str
    setting: str
    trusty_target: str
    trained: tuple[str, ...]
    templates: tuple[str, ...]
    crop: int
    sizes: TrustySizes

    @classmethod
    def read(cls, folder: Path) -> "TrustyConfig":
        """From a model folder.

        Raises:
            ModelError: if a field is missing or of another type.
        """
        values = read_folder_config(folder, model_type=METHOD)
        try:
            return cls(
                **{name: str(values[name]) for name in _TEXTS},
                trained=_names(values["trained"]),
                templates=_names(values["templates"]),
                crop=int(values["crop"]),
                sizes=_sizes(values["sizes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder}/config.json: field missing or of a wrong type ({error})") from error

    def as_dict(self) -> dict[str, Any]:
        """JSON values, with the model type."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        lists = {"trained": list(self.trained), "templates": list(self.templates)}
        return {"model_type": METHOD, **texts, **lists, "crop": self.crop, "sizes": self.sizes.as_dict()}


_TEXTS = ("backbone", "backbone_hash", "profile", "setting", "trusty_target")


def _names(values: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"expected a list of names, got {values!r}")
    return tuple(values)


def _sizes(values: Mapping[str, Any]) -> TrustySizes:
    values = {"starts_at_cosine": False, **values}  # folders of before the choice
    kinds = {field.name: field.type for field in fields(TrustySizes)}
    wrong = [name for name, kind in kinds.items() if type(values[name]) is not kind]
    if wrong or values.keys() - kinds.keys():
        raise TypeError(f"sizes: {', '.join(wrong) or 'unknown fields'}")
    return TrustySizes(**values)


def save_trusty(
    folder: Path,
    network: TrustyNetwork,
    config: TrustyConfig,
    *,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write a folder that ``tagalign.load`` opens.

    Args:
        folder: made if missing.
        network: the trained part; all its tensors are written, also the last mask layer's frozen ones.
        config: see ``TrustyConfig``.
        settings: of the training run.
    """
    texts = {"settings.json": json_text(settings or {}, indent=2) + "\n", "README.md": _card(config)}
    save_folder(folder, config=config.as_dict(), tensors=network.state_dict(), texts=texts)


def _card(config: TrustyConfig) -> str:
    return (
        f"# TrustyCLIP\n\nBackbone `{config.backbone}` (weights {config.backbone_hash}), setting `{config.setting}`, "
        f"trusty target `{config.trusty_target}`, profile `{config.profile}`, crops of {config.crop} pixels.\n\n"
        f"Classes trained with masks: {', '.join(config.trained)}.\n\n"
        "Open it with `tagalign.load(FOLDER)`. Settings of the run: `settings.json`.\n"
    )


def load_trusty(
    folder: Path,
    options: TrustyOptions | None = None,
    *,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    compile: bool = False,
    resources: Resources | None = None,
) -> TrustyClip:
    """Open a TrustyCLIP folder.

    Args:
        folder: written by ``tagalign train --method trusty``.
        options: see ``TrustyOptions``.
        device: where it runs.
        precision: see ``load_backbone``.
        compile: likewise.
        resources: windows encoded at a time.

    Raises:
        ModelError: if the folder or its backbone is not what it was trained on.
    """
    options = options or TrustyOptions()
    config = TrustyConfig.read(folder)
    backbone = load_backbone(config.backbone, device=device, precision=precision, compile=compile)
    sizes = (config.sizes.width, config.sizes.dim)
    check_encoder(folder, backbone, name=config.backbone, weight_hash=config.backbone_hash, sizes=sizes)
    network = TrustyNetwork(config.sizes)
    load_strictly(network, {k: v.float() for k, v in load_tensors(folder).items()}, folder=folder)
    own: dict[str, Any] = {
        "profile": trusty_profile(options.profile or config.profile).name,
        "short_side": options.short_side or config.crop,
    }
    if config.setting != "inductive" and options.calibration is None:
        own["calibration"] = 0.0  # the release subtracts it after inductive training alone
    return TrustyClip(
        backbone,
        network.to(device),
        replace(options, **own),
        trained=config.trained,
        templates=config.templates,
        trained_with={"setting": config.setting, "trusty_target": config.trusty_target},
        resources=resources,
    )


def build(opened: Opened, options: TrustyOptions, resources: Resources) -> TrustyClip:
    """What ``tagalign.load(FOLDER)`` calls.

    Raises:
        MissingPartError: if the folder holds no TrustyCLIP.
    """
    if opened.trained != METHOD:
        raise opened.missing_part()
    return load_trusty(
        Path(opened.name),
        options,
        device=opened.device,
        precision=opened.precision,
        compile=opened.compile,
        resources=resources,
    )

"""Model folders of Tag2Text: ``config.json``, ``model.safetensors``, ``tags.txt``, ``vocab.txt``.

``config.json`` holds the sizes that ``build_tag2text`` takes and the rules for tags, pixels and captions; the tag list is
a plain file, one name per line, because names repeat and the line number is the key.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tagalign.backbones.catalog import file_hash, weight_file
from tagalign.backbones.facts import pinned_name
from tagalign.backbones.packaged import TINY
from tagalign.backbones.preprocess import Preprocessing
from tagalign.errors import ModelError
from tagalign.json_text import json_text
from tagalign.methods.folder import check_encoder, load_tensors, read_folder_config, save_folder
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.captioning import PROMPT, Decoding
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.image_encoders import ClipTokens
from tagalign.methods.tag2text.method import METHOD, Tag2TextMethod
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.options import Tag2TextOptions
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.tag_choice import DEFAULT_THRESHOLD, TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces

TAGS_FILE, PIECES_FILE = "tags.txt", "vocab.txt"
SIZES = ("image_encoder", "tag_encoder", "text_decoder", "tag_head", "alignment")


def save_tag2text(
    folder: Path,
    model: Tag2Text,
    *,
    sizes: Mapping[str, Any],
    tags: Sequence[str],
    wordpieces: Wordpieces,
    preprocessing: Preprocessing,
    choice: TagChoice,
    profile: str = "fixed",
    prompt: str = PROMPT,
    length: CaptionLength | None = None,
    half: bool = False,
    settings: Mapping[str, Any] | None = None,
    card: str = "",
) -> None:
    """Write a folder that ``load_tag2text`` opens.

    Args:
        folder: made if missing.
        model: the network.
        sizes: arguments of ``build_tag2text`` that make it.
        tags: names in index order.
        wordpieces: the tokenizer.
        preprocessing: side, mean and deviation of the pixels it was trained on.
        choice: thresholds and deleted tags.
        profile: it was trained with; the default for inference.
        prompt: of captions.
        length: of captions.
        half: store float16 (half the size; loaded back as float32).
        settings: of the training run.
        card: text of the model card.
    """
    length = length or CaptionLength()
    config: dict[str, Any] = {
        "model_type": METHOD,
        "profile": profile,
        **{name: sizes[name] for name in SIZES if sizes.get(name) is not None},
        "pixels": {"side": preprocessing.image_size, "mean": preprocessing.mean, "std": preprocessing.std},
        "captions": {"prompt": prompt, "minimum": length.minimum, "maximum": length.maximum},
        "tags": _choice_values(choice),
    }
    if isinstance(model.image_encoder, ClipTokens):
        config["backbone"] = pinned_name(model.image_encoder.backbone)
        config["backbone_hash"] = model.image_encoder.backbone.weight_hash
    tensors = {n: p.half() if half else p for n, p in model.own_parameters().items()}
    texts = {
        TAGS_FILE: "\n".join(tags) + "\n",
        PIECES_FILE: "\n".join(wordpieces.pieces) + "\n",
        "settings.json": json_text(settings or {}, indent=2, default=str) + "\n",
        "README.md": card
        or f"# Tag2Text\n\n{len(tags)} tags, profile `{profile}`. Open it with `tagalign.load(FOLDER)`.\n",
    }
    save_folder(folder, config=config, tensors=tensors, texts=texts)


def _choice_values(choice: TagChoice) -> dict[str, Any]:
    """The commonest threshold as the default, the others by index."""
    values = [round(float(v), 6) for v in choice.thresholds.tolist()]
    default = max(set(values), key=lambda v: (values.count(v), v)) if values else DEFAULT_THRESHOLD
    return {
        "threshold": default,
        "thresholds": {str(i): v for i, v in enumerate(values) if v != default},
        "deleted": choice.deleted.nonzero()[:, 0].tolist(),
    }


def load_tag2text(
    folder: Path,
    options: Tag2TextOptions | None = None,
    *,
    device: torch.device | str = "cpu",
    resources: Resources | None = None,
    name: str | None = None,
) -> Tag2TextMethod:
    """Open a Tag2Text folder.

    Args:
        folder: written by ``tagalign train --method tag2text`` or ``tagalign import tag2text``.
        options: see ``Tag2TextOptions``.
        device: where it runs.
        resources: images encoded at a time.
        name: that results give it; by default the folder.

    Raises:
        ModelError: if the folder cannot be used.
        InputError: for options that do not fit the model.
    """
    config = read_folder_config(folder, model_type=METHOD)
    tags = _read_tags(folder)
    model = _load_model(folder, config, num_tags=len(tags))
    switches = load_profile(str(config.get("profile", "fixed")))
    try:
        captions = config.get("captions", {})
        decoding = Decoding(
            repetition_penalty=switches.repetition_penalty,
            prompt=str(captions.get("prompt", PROMPT)),
            length=CaptionLength(
                minimum=int(captions.get("minimum", 10)), maximum=int(captions.get("maximum", 30))
            ),
        )
        pixels = config["pixels"]
        preprocessing = Preprocessing(
            image_size=int(pixels["side"]),
            mean=tuple(map(float, pixels["mean"])),  # type: ignore[arg-type]
            std=tuple(map(float, pixels["std"])),  # type: ignore[arg-type]
        )
        choice = _read_choice(config.get("tags", {}), len(tags))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder}/config.json: field missing or of a wrong type ({error})") from error
    method = Tag2TextMethod(
        model.to(device),
        Wordpieces.from_file(folder / PIECES_FILE),
        tags,
        choice=choice,
        preprocessing=preprocessing,
        profile=switches,
        decoding=decoding,
        name=name or str(folder),
        weight_hash=file_hash(weight_file(folder)),
        batch_size=(resources or Resources()).batch_size,
    )
    return method.with_options(options or Tag2TextOptions())


def tiny_tag2text_dir() -> Path:
    """The packaged Tag2Text of drawn scenes: trained part alone, on top of the tiny CLIP."""
    return Path(__file__).parent / "tiny"


def build(opened: Opened, options: Tag2TextOptions, resources: Resources) -> Tag2TextMethod:
    """What ``tagalign.load(name, method="tag2text")`` calls; ``tiny`` is the packaged model.

    Raises:
        MissingPartError: if the folder holds no Tag2Text.
    """
    folder = tiny_tag2text_dir() if opened.name == TINY else Path(opened.name)
    if not (folder / TAGS_FILE).exists() and opened.trained != METHOD:
        raise opened.missing_part()
    opened.refuse_encoder_choices()
    return load_tag2text(folder, options, device=opened.device, resources=resources, name=opened.name)


def _read_tags(folder: Path) -> list[str]:
    try:
        return (folder / TAGS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{folder / TAGS_FILE}: expected the tag list, one name per line ({error})"
        ) from error


def _read_choice(values: Mapping[str, Any], num_tags: int) -> TagChoice:
    return TagChoice.of(
        num_tags,
        default=float(values.get("threshold", DEFAULT_THRESHOLD)),
        overrides={int(i): float(v) for i, v in values.get("thresholds", {}).items()},
        deleted=[int(i) for i in values.get("deleted", [])],
    )


def _load_model(folder: Path, config: Mapping[str, Any], *, num_tags: int) -> Tag2Text:
    missing = [name for name in ("image_encoder", "tag_encoder", "text_decoder") if name not in config]
    if missing:
        raise ModelError(f"{folder}/config.json: {missing[0]} is missing")
    model = build_tag2text(num_tags=num_tags, **{name: config[name] for name in SIZES if name in config})
    if isinstance(model.image_encoder, ClipTokens):
        found = model.image_encoder.backbone
        check_encoder(folder, found, name=config.get("backbone"), weight_hash=config.get("backbone_hash"))
    load_parameters(model, load_tensors(folder), where=str(folder))
    return model


def load_parameters(model: Tag2Text, tensors: Mapping[str, torch.Tensor], *, where: str) -> None:
    """Fill a network from a file in which every parameter stands once (shared ones too), in any float type.

    Raises:
        ModelError: naming the first tensor that is missing, unknown, of another shape, or not finite.
    """
    own = model.own_parameters()
    wrong = [f"{k} is missing" for k in own.keys() - tensors.keys()]
    wrong += [f"{k} is unknown" for k in tensors.keys() - own.keys()]
    for name in own.keys() & tensors.keys():
        if own[name].shape != tensors[name].shape:
            wrong.append(f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(own[name].shape)}")
        elif not bool(tensors[name].isfinite().all()):
            wrong.append(f"{name} is not finite")
    if wrong:
        raise ModelError(f"{where}: the weights do not fit the model; first of {len(wrong)}: {min(wrong)}")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(tensors[name])

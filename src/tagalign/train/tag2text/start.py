"""Where a Tag2Text run begins and ends: a new or a trained network, frozen tokens, thresholds from held-out records."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from transformers import SwinConfig, ViTConfig

from tagalign.backbones.catalog import read_json
from tagalign.backbones.load import load_backbone
from tagalign.backbones.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing
from tagalign.data.tag2text.batches import PhotoData, Tag2TextData, TokenData, draw_seeds, step_rng
from tagalign.data.tag2text.records import PickedRecords, TaggedRecord, multi_hot
from tagalign.errors import InputError, ModelError
from tagalign.methods.folder import load_tensors, read_folder_config
from tagalign.methods.options import build_options
from tagalign.methods.tag2text.build import (
    bert_base,
    build_tag2text,
    initial_deviation,
    swin_base,
    vit_base,
)
from tagalign.methods.tag2text.captioning import PROMPT, Decoding
from tagalign.methods.tag2text.folder import SIZES, load_tag2text
from tagalign.methods.tag2text.method import METHOD, Tag2TextMethod
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.options import Tag2TextOptions
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.resizing import at_size, sizes_at
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces

Device = torch.device | str

MANY = 1_000_000  # records above which no list of their numbers is made
MOST_HELD_OUT = 20_000  # logits of 3,429 tags for each take 270 MB while thresholds are measured
NEW_SIZE = 224  # of an image encoder that has no weights yet: the paper's pre-training
IMAGE_MODELS: dict[str, Any] = {"swin": SwinConfig, "vit": ViTConfig}


@dataclass(frozen=True, kw_only=True)
class NewNetwork:
    """What an untrained network looks like.

    Attributes:
        image_encoder: ``swin-base`` or ``vit-base`` (random weights), a folder of a Hugging Face Swin or ViT (its weights
            are trained further), or the name of a CLIP, which stays frozen.
        image_size: side of the square photos in pixels; None is 224 for new weights, else the size of those that are there.
        layers: of each text part.
        width: of the text parts.
        heads: of the text parts.
        head: tag head, see ``build_tag2text``.
        seed: of the weights.
    """

    image_encoder: str
    image_size: int | None = None
    layers: int = 12
    width: int = 768
    heads: int = 12
    head: str = "shared"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("image_size", "layers", "width", "heads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        if self.width % self.heads:
            raise InputError(f"width {self.width} cannot be shared by {self.heads} heads; give a multiple")

    def text_sizes(self, *, image_width: int, pieces: int) -> dict[str, Any]:
        """BERT's sizes for the text parts."""
        return bert_base(encoder_hidden_size=image_width, vocab_size=pieces) | {
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": 4 * self.width,
            "initializer_range": initial_deviation(self.width),
        }


def new_method(
    network: NewNetwork, *, names: Sequence[str], words: Wordpieces, profile: str, device: Device
) -> tuple[Tag2TextMethod, dict[str, Any]]:
    """An untrained network and the sizes that make it.

    Args:
        network: what it looks like.
        names: the tag list.
        words: the tokenizer.
        profile: of training; without a forced prompt captions begin with the first word.
        device: where it is trained.
    """
    image, image_width, pixels = _image_part(network.image_encoder, network.image_size)
    text = network.text_sizes(image_width=image_width, pieces=len(words))
    sizes: dict[str, Any] = {
        "image_encoder": image,
        "tag_encoder": text,
        "text_decoder": {**text, "encoder_hidden_size": network.width},
        "tag_head": {"kind": network.head},
        "alignment": {},
    }
    # every weight is drawn first and some are replaced: the text parts are the same whatever the image encoder starts from
    model = build_tag2text(num_tags=len(names), **sizes, seed=network.seed)
    if _own_type(network.image_encoder) is not None:
        _start_image_encoder(model, Path(network.image_encoder))
    model, pixels = at_size(model, pixels, network.image_size)
    sizes = sizes_at(sizes, network.image_size)
    switches = load_profile(profile)
    method = Tag2TextMethod(
        model.to(device),
        words,
        names,
        choice=TagChoice.of(len(names)),
        preprocessing=pixels,
        profile=switches,
        decoding=Decoding(prompt=PROMPT if switches.forced_prompt else ""),
    )
    return method, sizes


def _image_part(name: str, image_size: int | None) -> tuple[dict[str, Any], int, Preprocessing]:
    new_size = NEW_SIZE if image_size is None else image_size
    if name == "swin-base":
        # the release trains with CLIP's pixel statistics
        return swin_base(image_size=new_size), 1024, _square(new_size)
    if name == "vit-base":
        return vit_base(image_size=new_size), 768, _square(new_size)
    if (kind := _own_type(name)) is not None:
        config = IMAGE_MODELS[kind].from_pretrained(name, local_files_only=True)
        width = config.hidden_size
        return {"kind": kind, "config": config.to_diff_dict()}, width, _square(config.image_size)
    backbone = load_backbone(name)
    return {"kind": "clip", "backbone": name}, backbone.width, backbone.preprocessing


def _own_type(name: str) -> str | None:
    """``swin`` or ``vit`` for a folder of such a model, None for anything else."""
    path = Path(name) / "config.json"
    kind = read_json(path).get("model_type") if path.is_file() else None
    return kind if kind in IMAGE_MODELS else None


def _start_image_encoder(model: Tag2Text, folder: Path) -> None:
    """Fill the image encoder from a Hugging Face folder; nothing but a classifier may be left over or missing.

    Raises:
        ModelError: naming the first tensor that does not fit.
    """
    own = dict(model.image_encoder.model.named_parameters())  # type: ignore[union-attr]
    stored = {re.sub(r"^(swin|vit)\.", "", name): tensor for name, tensor in load_tensors(folder).items()}
    wrong = [f"{k} is missing" for k in own.keys() - stored.keys()]
    wrong += [f"{k} has another shape" for k in own.keys() & stored.keys() if own[k].shape != stored[k].shape]
    if wrong:
        raise ModelError(f"{folder}: does not fit the image encoder; first of {len(wrong)}: {min(wrong)}")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(stored[name])


def _square(image_size: int) -> Preprocessing:
    return Preprocessing(image_size=image_size, mean=CLIP_MEAN, std=CLIP_STD)


def reopen(
    folder: Path, *, device: Device, profile: str, image_size: int | None = None
) -> tuple[Tag2TextMethod, dict[str, Any]]:
    """A trained network to go on with (fine-tuning), and its sizes.

    Args:
        folder: of the network.
        device: where it is trained.
        profile: of training.
        image_size: side of its photos from now on, e.g. 384 after 224; its own when None.

    Raises:
        InputError: if its image encoder cannot read squares of this side.
    """
    config = read_folder_config(folder, model_type=METHOD)
    options = build_options(Tag2TextOptions, {"profile": profile, "image_size": image_size}, method=METHOD)
    sizes = {k: config[k] for k in SIZES if k in config}
    return load_tag2text(folder, options, device=device), sizes_at(sizes, image_size)


def split_records(
    records: Sequence[TaggedRecord], *, share: float, seed: int
) -> tuple[PickedRecords, PickedRecords]:
    """Records to train on, and a random ``share`` of them that is not; rows alone, no copies."""
    # a seed of its own: the order of training must not follow from who is held out
    count = len(records)
    order: Sequence[int] | np.ndarray = range(count)
    if count > MANY:  # a list of numbers takes 36 bytes each
        order = np.random.default_rng((seed, 1)).permutation(count)
    else:
        order = list(order)
        Random(f"held-out/{seed}").shuffle(order)  # noqa: S311 - a split, not secrets
    kept = np.zeros(count, dtype=bool)
    kept[np.asarray(order[: min(round(share * count), MOST_HELD_OUT)], dtype=np.int64)] = True
    return PickedRecords(records, np.flatnonzero(~kept)), PickedRecords(records, np.flatnonzero(kept))


@torch.no_grad()
def encode_once(
    photos: PhotoData,
    method: Tag2TextMethod,
    *,
    batch_size: int,
    show: Callable[[int], None] | None = None,
) -> TokenData:
    """Frozen image tokens of all photos in float16, in memory: see ``token_bytes`` before."""
    chunks = []
    for start in range(0, len(photos.records), batch_size):
        rows = range(start, min(start + batch_size, len(photos.records)))
        pixels = photos.images(rows, draw_seeds(rows, step_rng(0, start, "encode"))).to(method.device)
        chunks.append(method.model.image_encoder(pixels).half().cpu())
        if show is not None:
            show(rows[-1] + 1)
    return TokenData(tokens=torch.cat(chunks), records=photos.records, questions=photos.questions)


@torch.no_grad()
def calibrate_thresholds(method: Tag2TextMethod, data: Tag2TextData, *, batch_size: int) -> None:
    """Replace the method's thresholds by those with the best F1 on these records (tags of all their captions)."""
    logits, targets = [], []
    method.model.eval()
    for start in range(0, len(data.records), batch_size):
        rows = list(range(start, min(start + batch_size, len(data.records))))
        images = data.images(rows, draw_seeds(rows, step_rng(0, start, "calibrate"))).to(method.device)
        tokens = images if data.are_tokens else method.model.image_encoder(images)
        logits.append(method.model.tag_logits(tokens).cpu())
        targets += [multi_hot(data.records[row].all_tags(), len(method.tags)) for row in rows]
    method.choice = method.choice.calibrated(torch.cat(logits).sigmoid(), torch.stack(targets))

"""The published checkpoint (``tag2text_swin_14m.pth``) in our names, strictly: nothing lost, nothing invented.

What is tied in the release stands several times in its file; the copies must be equal. Buffers that transformers computes
itself are dropped. Every other key must find its place.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.errors import ModelError
from tagalign.methods.tag2text.tag_choice import DEFAULT_THRESHOLD, TagChoice

NUM_TAGS = 3429
THRESHOLDS = {2701: 0.7, 2828: 0.7, 1167: 0.7}  # person, man, woman
DELETED = (127, 2961, 3351, 3265, 3338, 3355, 3359)  # quarter, back, two, three, four, five, one
SWIN_STRIDE = 32  # patch 4, halved three times

BUFFERS = re.compile(r"(relative_position_index|attn_mask|position_ids)$")
COPIES = (
    (re.compile(r"^tagging_head\.encoder\.layer\."), "tag_encoder.encoder.layer."),
    (
        re.compile(r"^text_decoder\.cls\.predictions\.decoder\.weight$"),
        "text_decoder.bert.embeddings.word_embeddings.weight",
    ),
    (re.compile(r"^text_decoder\.cls\.predictions\.decoder\.bias$"), "text_decoder.cls.predictions.bias"),
)
PREFIXES = (
    ("visual_encoder.", "image_encoder.model."),
    ("label_embed.", "tag_head.label_embed."),
    ("fc.", "tag_head.fc."),
    ("tag_encoder.", "tag_encoder."),
    ("text_decoder.", "text_decoder."),
)
SWIN_NAMES = (
    (re.compile(r"^patch_embed\.proj\."), "embeddings.patch_embeddings.projection."),
    (re.compile(r"^patch_embed\.norm\."), "embeddings.norm."),
    (re.compile(r"^layers\."), "encoder.layers."),
    (re.compile(r"\.norm1\."), ".layernorm_before."),
    (re.compile(r"\.norm2\."), ".layernorm_after."),
    (re.compile(r"\.attn\.proj\."), ".attention.o_proj."),
    (
        re.compile(r"\.attn\.relative_position_bias_table$"),
        ".attention.relative_position_bias.relative_position_bias_table",
    ),
    (re.compile(r"^norm\."), "layernorm."),
)


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A checkpoint in our names.

    Attributes:
        tensors: one per parameter of the network.
        sizes: arguments of ``build_tag2text``.
        num_tags: length of its tag list.
        image_size: pixels.
        unmapped: keys of the file that have no place here.
    """

    tensors: dict[str, Tensor]
    sizes: dict[str, Any]
    num_tags: int
    image_size: int
    unmapped: tuple[str, ...]


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict of a ``.pth`` file; only tensors and plain containers are unpickled, no code can run.

    Raises:
        ModelError: if it is missing, damaged, no checkpoint, or holds anything else than plain data.
    """
    try:
        with warnings.catch_warnings():
            # it remarks on pickle protocols; ours to refuse or to read
            warnings.simplefilter("ignore", UserWarning)
            values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file") from error
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: holds more than tensors (or is no checkpoint) and is not opened, because a pickle can run code"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: cannot be read as a PyTorch checkpoint ({(str(error) or type(error).__name__).splitlines()[0]})"
        ) from error
    state = values.get("model", values) if isinstance(values, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(
            f"{path}: expected a state dict of tensors (under 'model'), got {type(values).__name__}"
        )
    return dict(state)


def convert_released(state: Mapping[str, Tensor], *, image_size: int | None = None) -> Converted:
    """Rename, split and check a released state dict; sizes are read from its shapes.

    Args:
        state: as ``read_checkpoint`` gives it.
        image_size: pixels; from the Swin window when None (7 -> 224, 12 -> 384).

    Raises:
        ModelError: if a needed tensor is missing or two copies of a shared one differ.
    """
    tensors: dict[str, Tensor] = {}
    unmapped = []
    for key, value in state.items():
        if BUFFERS.search(key):
            continue
        original = _copied_from(key)
        if original is not None:
            _check_copy(state, key, original)
        elif renamed := _rename(key):
            tensors |= _split_attention(renamed, value)
        else:
            unmapped.append(key)
    sizes = _sizes(tensors)
    window = _window(tensors)
    return Converted(
        tensors={k: v.float() for k, v in tensors.items()},
        sizes={**sizes, "image_encoder": _swin(tensors, image_size or window * SWIN_STRIDE)},
        num_tags=len(_need(tensors, "tag_head.label_embed.weight")),
        image_size=image_size or window * SWIN_STRIDE,
        unmapped=tuple(sorted(unmapped)),
    )


def released_choice(num_tags: int) -> TagChoice:
    """Thresholds and deleted tags of the release; for another tag list only the common threshold."""
    if num_tags != NUM_TAGS:
        return TagChoice.of(num_tags, default=DEFAULT_THRESHOLD)
    return TagChoice.of(num_tags, default=DEFAULT_THRESHOLD, overrides=THRESHOLDS, deleted=DELETED)


def _copied_from(key: str) -> str | None:
    for pattern, original in COPIES:
        if pattern.search(key):
            return pattern.sub(original, key)
    return None


def _check_copy(state: Mapping[str, Tensor], key: str, original: str) -> None:
    if original not in state:
        raise ModelError(f"the checkpoint has {key} but not {original}, which it is tied to")
    if not torch.equal(state[key], state[original]):
        raise ModelError(f"{key} and {original} are one tensor in Tag2Text, but differ in this checkpoint")


def _rename(key: str) -> str | None:
    for theirs, ours in PREFIXES:
        if key.startswith(theirs):
            rest = key.removeprefix(theirs)
            return ours + (_rename_swin(rest) if theirs == "visual_encoder." else rest)
    return None


def _rename_swin(rest: str) -> str:
    for pattern, ours in SWIN_NAMES:
        rest = pattern.sub(ours, rest)
    return rest


def _split_attention(name: str, value: Tensor) -> dict[str, Tensor]:
    """The release keeps query, key and value of a Swin block in one matrix."""
    if ".attn.qkv." not in name:
        return {name: value}
    parts = zip(("q_proj", "k_proj", "v_proj"), value.chunk(3), strict=True)
    return {name.replace(".attn.qkv.", f".attention.{part}."): chunk.clone() for part, chunk in parts}


def _need(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ModelError(f"the checkpoint has nothing for {name}; is it Tag2Text with a Swin image encoder?")
    return tensors[name]


def _window(tensors: Mapping[str, Tensor]) -> int:
    table = _need(
        tensors,
        "image_encoder.model.encoder.layers.0.blocks.0.attention.relative_position_bias.relative_position_bias_table",
    )
    return (round(len(table) ** 0.5) + 1) // 2


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    found = [int(m.group(1)) for name in tensors if (m := re.match(pattern, name))]
    return max(found) + 1 if found else 0


def _swin(tensors: Mapping[str, Tensor], image_size: int) -> dict[str, Any]:
    root = "image_encoder.model.encoder.layers"
    stages = _count(tensors, re.escape(root) + r"\.(\d+)\.")
    depths = [_count(tensors, re.escape(f"{root}.{i}") + r"\.blocks\.(\d+)\.") for i in range(stages)]
    tables = [
        f"{root}.{i}.blocks.0.attention.relative_position_bias.relative_position_bias_table"
        for i in range(stages)
    ]
    projection = _need(tensors, "image_encoder.model.embeddings.patch_embeddings.projection.weight")
    return {
        "kind": "swin",
        "config": {
            "image_size": image_size,
            "patch_size": projection.shape[-1],
            "embed_dim": projection.shape[0],
            "depths": depths,
            "num_heads": [_need(tensors, name).shape[1] for name in tables],
            "window_size": _window(tensors),
            "drop_path_rate": 0.1,
        },
    }


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {
        "tag_encoder": _text(tensors, "tag_encoder."),
        "text_decoder": _text(tensors, "text_decoder.bert."),
    }


def _text(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    words = _need(tensors, f"{prefix}embeddings.word_embeddings.weight")
    first = f"{prefix}encoder.layer.0."
    return {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_hidden_layers": _count(tensors, re.escape(prefix) + r"encoder\.layer\.(\d+)\."),
        "num_attention_heads": 12,  # stands in no tensor; BERT base's, which the release uses at any width
        "intermediate_size": _need(tensors, f"{first}intermediate.dense.weight").shape[0],
        "max_position_embeddings": _need(tensors, f"{prefix}embeddings.position_embeddings.weight").shape[0],
        "encoder_hidden_size": _need(tensors, f"{first}crossattention.self.key.weight").shape[1],
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }

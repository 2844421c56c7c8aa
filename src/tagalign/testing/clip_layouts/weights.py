"""Weights as files: safetensors, pickles, shards, other precisions, and under open_clip's names."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

Files = dict[str, bytes]
TensorDict = Mapping[str, Tensor]

_TOWERS = {"vision_model": "visual.", "text_model": ""}
_BLOCK_PARTS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_OUTER_NAMES = {
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "logit_scale": "logit_scale",
}
_TURNED = {"visual_projection.weight": "visual.proj", "text_projection.weight": "text_projection"}
"""open_clip multiplies from the other side."""


def read_state(folder: Path) -> dict[str, Tensor]:
    """The tensors of a folder's ``model.safetensors``."""
    return load_file(folder / "model.safetensors")


def safetensors_bytes(state: TensorDict, *, has_format: bool = True) -> bytes:
    """One safetensors file; older ones say nothing about the framework they come from."""
    return save({k: v.contiguous() for k, v in state.items()}, {"format": "pt"} if has_format else None)


def pickle_bytes(state: TensorDict, *, is_legacy: bool = False) -> bytes:
    """What ``torch.save`` wrote: a zip archive, or before torch 1.6 a row of pickles."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer, _use_new_zipfile_serialization=not is_legacy)
    return buffer.getvalue()


def shard_files(state: TensorDict, count: int = 3) -> Files:
    """``model-0000i-of-0000n.safetensors`` and their index; tensors are dealt out in turn."""
    names = sorted(state)
    files = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    places = {name: files[i % count] for i, name in enumerate(names)}
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    shards = {
        file: safetensors_bytes({name: state[name] for name in names if places[name] == file})
        for file in files
    }
    return {"model.safetensors.index.json": json.dumps(index, indent=2).encode(), **shards}


def with_position_ids(state: TensorDict) -> dict[str, Tensor]:
    """With the two buffers that checkpoints of before 2023 carry."""
    added = dict(state)
    for tower in _TOWERS:
        rows = state[f"{tower}.embeddings.position_embedding.weight"].shape[0]
        added[f"{tower}.embeddings.position_ids"] = torch.arange(rows)[None]
    return added


def open_clip_state(state: TensorDict, *, text_prefix: str = "") -> dict[str, Tensor]:
    """The same weights under the names of open_clip's ``CLIP``; ``text.`` before those of the text: ``CustomTextCLIP``."""
    renamed = dict[str, Tensor]()
    for name, tensor in state.items():
        if name in _OUTER_NAMES:
            renamed[_OUTER_NAMES[name]] = tensor
        elif name in _TURNED:
            renamed[_TURNED[name]] = tensor.T.contiguous()
    for tower, prefix in _TOWERS.items():
        renamed |= _open_clip_blocks(state, tower, prefix)
    is_text = [k for k in renamed if not k.startswith("visual.") and k != "logit_scale"]
    return {(text_prefix if k in is_text else "") + k: v for k, v in renamed.items()}


def _open_clip_blocks(state: TensorDict, tower: str, prefix: str) -> dict[str, Tensor]:
    start = f"{tower}.encoder.layers."
    numbers = {int(name.removeprefix(start).split(".")[0]) for name in state if name.startswith(start)}
    found = dict[str, Tensor]()
    for i in sorted(numbers):
        theirs = f"{prefix}transformer.resblocks.{i}."
        for kind in ("weight", "bias"):
            rows = [state[f"{start}{i}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            found[f"{theirs}attn.in_proj_{kind}"] = torch.cat(rows)
            for ours, name in _BLOCK_PARTS.items():
                found[f"{theirs}{name}.{kind}"] = state[f"{start}{i}.{ours}.{kind}"]
    return found

"""Numbers of transformers' own classes for each family of encoders, computed by the library the way its users call it."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.backbones.families import FAMILIES
from tagalign.backbones.scores import image_text_logits, image_text_probs

TOLERANCE = 1e-4  # golden README: of the largest value, float32 in another order
PROBS = 1e-4  # golden README: absolute

Tensors = dict[str, Tensor]


@torch.no_grad()
def compute(folder: Path) -> Tensors:
    """Every tensor of the case, from its inputs and weights."""
    config = json.loads((folder / "config.json").read_text())
    encoder = FAMILIES[config["model_type"]].build(config, load_file(folder / "weights.safetensors"))
    inputs = load_file(folder / "inputs.safetensors")
    wanted = load_file(folder / "outputs.safetensors")
    made: Tensors = {}
    for name in [name.removeprefix("image_") for name in inputs if name.startswith("image_")]:
        made |= {f"{name}.{key}": value for key, value in images(encoder, inputs[f"image_{name}"]).items()}
    made |= texts(encoder, inputs["input_ids"])
    native = encoder.embed_images(inputs["image_native"])
    made["logits"] = image_text_logits(encoder, native, made["text_features"])
    made["probs"] = image_text_probs(encoder, native, made["text_features"])
    # a case holds what its family has: no probabilities where labels compete, no second class token in a CLIP
    return {name: value for name, value in made.items() if name in wanted}


def images(encoder, pixels: Tensor) -> Tensors:
    """Patch embeddings in two modes, and everything about the whole image."""
    found = {
        mode: encoder.project(encoder.encode_dense(pixels, mode=golden).patches)
        for mode, golden in (("plain", "clip"), ("maskclip", "maskclip"))
    }
    found["image_features"] = encoder.embed_images(pixels)
    x, _ = encoder.embed_patches(pixels)
    for block in encoder.blocks:
        x = block(x)
    normed = encoder.post_norm(x)
    if encoder.num_prefix == 2:
        found["second_class_token"] = normed[:, 1]
    if encoder.num_prefix == 0:
        found["pool_attention"] = encoder.vision.head.attention(normed)
    return found


def texts(encoder, ids: Tensor) -> Tensors:
    """The right embeddings, and the wrong ones that the goldens hold: they differ by what the README says."""
    found = {"text_features": encoder.encode_ids(ids)}
    tower = encoder.text.tower
    if tower.shape.read == "last":
        lengths = (ids == 1).int().argmax(dim=1) + 1  # up to the first end token, it included
        real = torch.arange(ids.shape[1]) < lengths[:, None]
        found["text_features_masked"] = tower(ids, real)
        rows = [row[None, :length] for row, length in zip(ids, lengths, strict=True)]
        found["text_features_unpadded"] = torch.cat([tower(row) for row in rows])
    if tower.shape.read == "mean":
        found["text_features_unmasked"] = tower(ids, torch.ones_like(ids, dtype=torch.bool))
    return found


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows."""
    difference = float((mine.double() - reference.double()).abs().max())
    if name == "probs":
        return difference, PROBS
    return difference, TOLERANCE * float(reference.abs().max())

"""ProxyCLIP's golden numbers, computed by method ``proxy`` on the weights of the case."""

import json
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file
from torch import Tensor

from tagalign.backbones.companion import COMPANIONS, Companion
from tagalign.backbones.families import FAMILIES
from tagalign.backbones.vision_only import VisionOnly
from tagalign.methods.proxy.dense import PROFILES, companion_pixels
from tagalign.methods.proxy.method import ProxyMethod
from tagalign.methods.proxy.options import ProxyOptions
from tagalign.ops.grid import resize_positions
from tagalign.ops.proxy import mean_similarity, proxy_weights
from tagalign.ops.query_labels import label_queries
from tagalign.ops.windows import upsample

Tensors = dict[str, Tensor]


def compute(folder: Path) -> Tensors:
    """Every tensor of the case; names that nobody knows are left out and fail."""
    config = json.loads((folder / "config.json").read_text())
    weights = {name: tensor.float() for name, tensor in load_file(folder / "weights.safetensors").items()}
    inputs, wanted = load_file(folder / "inputs.safetensors"), load_file(folder / "outputs.safetensors")
    clip = FAMILIES["clip"].build(config["clip"], _under(weights, "clip."))
    companion = _companion(config, _under(weights, "vfm."))
    options = ProxyOptions(profile="paper", beta=float(config["beta"]), gamma=float(config["gamma"]))
    released, fixed = (
        ProxyMethod(clip, replace(options, mode_profile=name), companion=companion)
        for name in ("released", "fixed")
    )
    image = inputs["image"]
    grid, dense = released.embed_views(image)
    features = companion.features(_seen(released, image))
    text = F.normalize(inputs["text"], dim=-1)
    cosines = (F.normalize(dense, dim=-1) @ text.T).transpose(1, 2).unflatten(2, grid)
    large = torch.stack([upsample(one, tuple(image.shape[2:])) for one in cosines])
    native, clip_grid = clip.vision.positions, clip.grid_of(*image.shape[2:])
    made = {
        "vfm_features": features,
        "attention": _attention(features, options, whole_batch=PROFILES["released"].whole_batch),
        "dense_released": dense,
        "dense_fixed": fixed.embed_views(image)[1],
        "cosines": cosines,
        "labels": label_queries(large, torch.arange(len(text)), scale=float(config["logit_scale"])),
        "positions_released": resize_positions(native, clip_grid, mode="offset"),
        "positions_fixed": resize_positions(native, clip_grid),
    }
    if "wide" in inputs:
        made["wide_fixed"] = fixed.embed_views(inputs["wide"])[1]
    return {name: value for name, value in made.items() if name in wanted}


def _under(weights: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)}


def _companion(config: dict, weights: Tensors) -> Companion:
    kind = config["vfm"]["model_type"]
    settings = transformers.AutoConfig.for_model(**config["vfm"])
    more = {"add_pooling_layer": False} if kind == "vit" else {}
    model = getattr(transformers, COMPANIONS[kind])(settings, **more)
    model.load_state_dict(weights)
    found = VisionOnly(
        model=model.eval(),
        kind=kind,
        config=settings,
        processor={},
        name="golden",
        weight_hash="",
        revision="",
    )
    return Companion(found)


def _seen(method: ProxyMethod, image: Tensor) -> Tensor:
    grid, patch = method.encoder.grid_of(*image.shape[2:]), method.encoder.patch_size
    return companion_pixels(image, method.preprocessing, grid, patch, method.companion)


def _attention(features: Tensor, options: ProxyOptions, *, whole_batch: bool) -> Tensor:
    unit = F.normalize(features.flatten(2).transpose(1, 2), dim=-1)
    own = torch.eye(unit.shape[1], dtype=torch.bool)
    mean = mean_similarity(unit, whole_batch=whole_batch)
    return proxy_weights(unit @ unit.transpose(1, 2), mean, own, beta=options.beta, gamma=options.gamma)


ABSOLUTE = {"attention": 1e-5, "cosines": 1e-4, "positions_released": 1e-6, "positions_fixed": 1e-6}
"""Golden README."""
OF_LARGEST = 1e-4
"""Features and embeddings: of the largest value."""
CLOSE = 1e-4


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows; of labels, pixels that are no near ties."""
    if name == "labels":
        cosines = load_file(folder / "outputs.safetensors")["cosines"]
        large = torch.stack([upsample(one, tuple(reference.shape[1:])) for one in cosines])
        best = large.topk(2, dim=1).values
        clear = (best[:, 0] - best[:, 1]) > CLOSE
        return float((mine[clear] != reference[clear].long()).sum()), 0.0
    difference = float((mine - reference).abs().max())
    return difference, ABSOLUTE.get(name, OF_LARGEST * float(reference.abs().max()))

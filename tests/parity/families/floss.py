"""FLOSS's golden numbers, by the tensor parts of the library; sizes and switches are read from the case's own file."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from tagalign.ops.looks.experts import (
    TemplateSums,
    choose_experts,
    expert_classifiers,
    fuse_experts,
    rank_templates,
    template_sums,
)
from tagalign.ops.windows import upsample

TOLERANCES = {"entropy": 1e-5, "classifiers": 1e-6, "expert_probs": 1e-5, "fused": 1e-5}
CLOSE = 1e-5
"""Two best values nearer than this may change places: golden README."""


def compute(folder: Path) -> dict[str, Tensor]:
    """Entropies of the folder, experts, classifiers, and the photo as they fuse it."""
    inputs = load_file(folder / "inputs.safetensors")
    config = json.loads((folder / "config.json").read_text())
    text, patches = inputs["text"].float(), inputs["patches"].float()
    sums = _sums(text, patches, config)
    experts = choose_experts(sums, top=config["top_n"])
    classifiers = expert_classifiers(text, experts, renormalise=config["renormalise"])
    size = tuple(config["image_size"])
    # both paths take the softmax of the experts before upsampling
    probs = torch.stack(
        [upsample(_probs(w, inputs["test_patches"].float(), config), size) for w in classifiers]
    )
    fused = fuse_experts(probs)
    return {
        "entropy": sums.means(),
        "pixels": sums.pixels,
        "ranking": rank_templates(sums),
        "experts": torch.tensor([[*chosen, *[-1] * (config["top_n"] - len(chosen))] for chosen in experts]),
        "classifiers": classifiers,
        "expert_probs": probs,
        "fused": fused,
        "labels": _at_the_end(fused, config).argmax(dim=0),
    }


def _sums(text: Tensor, patches: Tensor, config: dict) -> TemplateSums:
    total: TemplateSums | None = None
    for photo in patches:
        pairs = [template_sums(_metric_probs(F.normalize(t, dim=-1), photo, config)) for t in text]
        own = TemplateSums(
            entropy=torch.stack([p[0] for p in pairs]), pixels=torch.stack([p[1] for p in pairs])
        )
        total = own if total is None else total + own
    return total


def _metric_probs(words: Tensor, photo: Tensor, config: dict) -> Tensor:
    """Probabilities at the size of the photo, over the size of the window."""
    sizes = [tuple(config["image_size"]), tuple(config["original_size"])]
    if config["softmax"].startswith("after upsampling"):
        maps = _cosines(words, photo)
        for size in sizes:
            maps = upsample(maps, size)
        return (config["logit_scale"] * maps).softmax(dim=0).flatten(1)
    maps = _probs(words, photo, config)
    for size in sizes:
        maps = upsample(maps, size)
    return maps.flatten(1)


def _cosines(words: Tensor, photo: Tensor) -> Tensor:
    return torch.einsum("ld,dhw->lhw", words, F.normalize(photo, dim=0))


def _probs(words: Tensor, photo: Tensor, config: dict) -> Tensor:
    return (config["logit_scale"] * _cosines(words, photo)).softmax(dim=0)


def _at_the_end(fused: Tensor, config: dict) -> Tensor:
    """The naclip path decides at the original size, the other at that of the image."""
    return upsample(fused, tuple(config["original_size"])) if config["path"] == "naclip" else fused


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows."""
    if name == "labels":
        config = json.loads((folder / "config.json").read_text())
        at_end = _at_the_end(load_file(folder / "outputs.safetensors")["fused"], config)
        best = at_end.topk(2, dim=0).values
        return float(((mine != reference) & (best[0] - best[1] > CLOSE)).sum()), 0.0
    difference = float((mine.double() - reference.double()).abs().max())
    return difference, TOLERANCES.get(name, 0.0)

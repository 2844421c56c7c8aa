"""CorrCLIP's golden map correction, computed by the library's region vote in its profile ``released``."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.ops.query_labels import label_queries
from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import vote_regions
from tagalign.types import Segmentation

Tensors = dict[str, Tensor]


def compute(folder: Path) -> Tensors:
    """Every tensor of the case; names that nobody knows are left out and fail."""
    config = json.loads((folder / "config.json").read_text())
    inputs = load_file(folder / "inputs.safetensors")
    wanted = load_file(folder / "outputs.safetensors")
    background, cosines = int(config["background"]), inputs["logits"]

    def labels_of(owners: Tensor) -> Tensor:
        return label_queries(
            cosines,
            owners,
            scale=float(config["logit_scale"]),
            threshold=float(config["threshold"]),
            background=background,
        )

    released = RegionOptions(profile=config["profile"])
    ids = Regions.of_masks(inputs["masks"] > 0, (cosines.shape[1], cosines.shape[2])).painted(released)
    labels, owners = labels_of(inputs["query_class"]), inputs["query_class"]
    made = {
        "ids": ids,
        "labels": labels,
        "voted": voted(labels, ids, released),
        "voted_fixed": voted(labels, ids, RegionOptions(min_pixels=1, max_share=1.0)),
        "voted_tied": voted(inputs["labels_tied"], ids, released),
        "voted_version1": voted(labels_of(version1_owners(owners)), ids, released),
    }
    return {name: value for name, value in made.items() if name in wanted}


def version1_owners(owners: Tensor) -> Tensor:
    """The first segmentor takes the first Q - C + 1 queries for class 0, and one each for the others."""
    classes = int(owners.max()) + 1
    return torch.cat([torch.zeros(len(owners) - classes + 1, dtype=owners.dtype), torch.arange(1, classes)])


def voted(labels: Tensor, ids: Tensor, options: RegionOptions) -> Tensor:
    """The label map after the vote, as ``segment`` does it."""
    names = tuple(f"label {i}" for i in range(int(labels.max()) + 1))
    found = Segmentation(labels=labels, names=names, scores=torch.ones(labels.shape))
    return vote_regions(found, Regions.of_ids(ids), options).labels


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Pixels that differ; the golden README allows none."""
    return float((mine != reference).sum()), 0.0

"""SPARC's golden numbers, by the tensor parts of the library; names and prompts are read from the case's own file."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.evaluate.tagging import average_precisions
from tagalign.ops.looks.compound import fuse_compounds, fusion_direction, ranked_columns
from tagalign.ops.looks.standardise import standardise_columns, standardise_rows
from tagalign.tags.compound.membership import members_of

DIRECT, FUSED = 1e-9, 1e-8
"""Golden README: an eigenvector moves with the gap of its eigenvalue."""
RELEASED_EPSILON = 1e-8
"""The release divides by the positives and this."""


def compute(folder: Path) -> dict[str, Tensor]:
    """Both standardisations, the membership of the prompts, the directions and the fused scores."""
    inputs = load_file(folder / "inputs.safetensors")
    config = json.loads((folder / "config.json").read_text())
    single = standardise_columns(standardise_rows(inputs["single"]))
    compound = standardise_columns(standardise_rows(inputs["compound"], like=inputs["simple"]))
    names = config["classes"]
    members = members_of(config["prompts"], names, voc_spelling=config["voc_spelling"])
    directions = [
        fusion_direction(ranked_columns(compound[:, list(prompts)], single[:, i]))
        if prompts
        else torch.ones(1)
        for i, prompts in enumerate(members)
    ]
    fused = fuse_compounds(compound, single, members, directions)
    scores = (fused + single) / 2
    membership = torch.zeros(len(config["prompts"]), len(names), dtype=torch.uint8)
    for label, prompts in enumerate(members):
        membership[list(prompts), label] = 1
    truth = inputs["truth"].long()
    return {
        "single_z": single,
        "compound_z": compound,
        "membership": membership,
        "fused": fused,
        "scores": scores,
        "ap_raw": _released_ap(inputs["single"], truth),
        "ap_normalized": _released_ap(single, truth),
        "ap_scores": _released_ap(scores, truth),
        **{f"direction.{names[i]}": directions[i] for i, prompts in enumerate(members) if prompts},
    }


def _released_ap(scores: Tensor, truth: Tensor) -> Tensor:
    """In percent; ours divided as the release divides."""
    positives = (truth == 1).sum(dim=0).double()
    return 100 * average_precisions(scores, truth) * positives / (positives + RELEASED_EPSILON)


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows."""
    difference = float((mine.double() - reference.double()).abs().max())
    if name == "membership":
        return difference, 0.0
    return difference, FUSED if name in {"fused", "scores"} or name.startswith("direction.") else DIRECT

"""What the concepts of world version 2 are to an encoder and to a batch; no training.

python runs/measure_concepts.py [--model tiny tiny-plain]        (one JSON object on stdout, half a minute of one core)

Prints for kinds (version 1) and concepts (version 2): the effective rank of the centred texts of seen names; which
share of the unseen names' variance lies in the directions that hold 99 % of the seen ones' and, as a mark, in as many
random directions; and which share of the names the captions of a batch say.
"""

import argparse
import json

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import CONCEPTS, OBJECTS, UNSEEN, UNSEEN_CONCEPTS, TinyWorld

TEMPLATE = "a photo of a {}"
HELD = 0.99  # share of the variance of seen texts that the compared directions hold
BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024)
REPEATS = 10


def span(texts: Tensor, unseen: Tensor) -> dict[str, float]:
    """Rank of the seen texts, and how much of the unseen ones lies in their span."""
    seen = texts[~unseen]
    mean = seen.mean(0)
    _, values, directions = torch.linalg.svd(seen - mean, full_matrices=False)
    shares = values**2 / (values**2).sum()
    count = int((shares.cumsum(0) < HELD).sum()) + 1
    rest = texts[unseen] - mean
    inside = ((rest @ directions[:count].T) ** 2).sum() / (rest**2).sum()
    return {
        "seen": len(seen),
        "unseen": len(rest),
        # exp of the entropy of the shares: the number of directions, were they all alike
        "effective_rank": round(float((-(shares * shares.clamp(min=1e-12).log()).sum()).exp()), 1),
        "directions": count,
        "unseen_inside": round(100 * float(inside), 1),
        "random_inside": round(100 * count / texts.shape[1], 1),
    }


def coverage(version: int, names: tuple[str, ...]) -> dict[int, float]:
    """Percent of the names that the alt text of a batch says, mean over batches."""
    texts = [s.alt_text.lower().replace(",", " ") for s in TinyWorld(version=version).take(4096)]
    said = [frozenset(name for name in names if f" {name} " in f" {text} ") for text in texts]
    rng, found = np.random.default_rng(0), {}
    for size in BATCHES:
        shares = [
            len(frozenset().union(*(said[i] for i in rng.choice(len(said), size, replace=False))))
            for _ in range(REPEATS)
        ]
        found[size] = round(100 * float(np.mean(shares)) / len(names), 1)
    return found


@torch.no_grad()
def measure(model: str) -> dict[str, object]:
    """Both lists by one encoder."""
    clip = load_backbone(model)

    def embed(names: tuple[str, ...]) -> Tensor:
        return F.normalize(clip.encode_text([TEMPLATE.format(name) for name in names]), dim=-1)

    concepts = tuple(concept.name for concept in CONCEPTS)
    lists = {"kinds": (OBJECTS, UNSEEN), "concepts": (concepts, UNSEEN_CONCEPTS)}
    return {
        "weights": clip.weight_hash,
        **{
            what: span(embed(names), torch.tensor([name in unseen for name in names]))
            for what, (names, unseen) in lists.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=["tiny"])
    args = parser.parse_args()
    concepts = tuple(concept.name for concept in CONCEPTS)
    found = {
        "coverage": {"kinds": coverage(1, OBJECTS), "concepts": coverage(2, concepts)},
        **{model: measure(model) for model in args.model},
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""Why PIAA lifts `tiny-plain` and costs `tiny`: what the bank holds, and who names patches of objects rightly. Drawn scenes.

Per encoder, over three seeds of scenes, method ``clip``: the share of the bank's patches that lie on their label; the share
of patches of objects that the text, and the Gaussians learned from the bank, give the right label; the same with a bank of
patches that lie on their label for certain (from the drawing), which is what cleaner choosing could bring at most.
About a minute of one core per encoder. Run: python runs/looks_reasons.py --out docs/results/looks-reasons.json
"""

import argparse
import statistics
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.data.benchmarks.tiny import tiny_labels
from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.data.tiny_world.world import Scene
from tagalign.json_text import json_text
from tagalign.methods.label_rows import mean_rows
from tagalign.methods.load import load_method
from tagalign.methods.piaa.classifier import PiaaClassifier
from tagalign.methods.piaa.profiles import PROFILES, TEXT_SCALE
from tagalign.ops.looks.bank import Bank

NAMES = CLASS_SETS["objects"]
SEEDS = (0, 1, 2)
KEEP = 512
NOTHING = -1


def owners(scene: Scene, side: int) -> Int[Tensor, " patches"]:
    """The kind that at least half of each patch shows; ``NOTHING`` for background and borders."""
    ids = np.array([NAMES.index(one.name) for one in scene.instances] or [NOTHING])
    kinds = np.where(scene.owner >= 0, ids[scene.owner], NOTHING)
    edges = np.linspace(0, scene.size, side + 1).round().astype(int)
    found = []
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            values, counts = np.unique(kinds[top:bottom, left:right], return_counts=True)
            most = counts.argmax()
            found.append(int(values[most]) if 2 * counts[most] >= counts.sum() else NOTHING)
    return torch.tensor(found)


def encode(method: Any, scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """Patches of the scenes, and one text per label."""
    labels = method.encode_labels(tiny_labels("objects"))
    photos = [Image.fromarray(scene.image) for scene in scenes]
    images = [image for s in range(0, len(photos), 16) for image in method.encode_images(photos[s : s + 16])]
    text = mean_rows(labels.embeds.float(), labels.owners, len(NAMES))
    return torch.stack([image.views[0].embeds for image in images]).float(), text


def shares(patches: Tensor, text: Tensor, truth: Tensor) -> dict[str, float]:
    """The numbers of one seed, percent."""
    banks = [Bank.of_photo(p, text, photo=i, scale=TEXT_SCALE, keep=KEEP) for i, p in enumerate(patches)]
    whole = Bank.joined(banks)
    bank, right = whole.surest(KEEP), truth >= 0
    known = truth[whole.photos, whole.places]
    pure = replace(whole, labels=known).take((known >= 0).nonzero()[:, 0]).surest(KEEP)
    own = (truth[bank.photos, bank.places] == bank.labels).double()
    words = (F.normalize(patches, dim=-1) @ F.normalize(text, dim=-1).T).argmax(dim=-1)
    found = {"bank on its label": float(own.mean()), "text": float((words == truth)[right].double().mean())}
    for name, one in (("bank", bank), ("bank without mistakes", pure)):
        learned = PiaaClassifier.of(one, text, PROFILES["fixed"], temperature=0.01)
        given = torch.stack([learned.logits(photo).argmax(dim=-1) for photo in patches])
        found[name] = float((given == truth)[right].double().mean())
    return {name: 100 * share for name, share in found.items()}


def measure(model: str, count: int) -> dict[str, Any]:
    """Mean and deviation over the seeds."""
    method: Any = load_method(model, method="clip")
    seeds = []
    for seed in SEEDS:
        world = TinyWorld(seed=seed, split="test")
        scenes = [world[i] for i in range(count)]
        patches, text = encode(method, scenes)
        side = round(patches.shape[1] ** 0.5)
        seeds.append(shares(patches, text, torch.stack([owners(scene, side) for scene in scenes])))
    columns = {name: [one[name] for one in seeds] for name in seeds[0]}
    return {
        name: {"mean": statistics.fmean(values), "deviation": statistics.stdev(values), "seeds": values}
        for name, values in columns.items()
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/looks-reasons.json"))
    parser.add_argument("--models", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument("--scenes", type=int, default=250)
    given = parser.parse_args()
    models = {model: measure(model, given.scenes) for model in given.models}
    with atomic_write(given.out) as temp:
        temp.write_text(
            json_text({"scenes": given.scenes, "seeds": list(SEEDS), "models": models}, indent=1) + "\n"
        )
    for model, rows in models.items():
        for name, row in rows.items():
            print(f"{model:<12}{name:<26}{row['mean']:6.1f} +- {row['deviation']:.1f}")


if __name__ == "__main__":
    main()

"""Masks among few names, as a person asks: python runs/few_names.py [--scenes 60] [--modes surgery scclip]. Prints a table.

The scenes are of the validation split, which decides what a default is; each is asked for the names that are there and three
that are not. Pixel accuracy, IoU of every name that is there, and IoU of the objects alone, all in percent; the last
column is the mean IoU of the phrases of the same scenes (`refer`).
"""

import argparse
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import torch
from draw_masks import names_of
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.data.benchmarks.tiny import TinyReferring
from tagalign.data.tiny_world import CLASS_SETS, Scene, TinyWorld
from tagalign.evaluate.ask_dense import AskReferring
from tagalign.evaluate.score import SCORERS
from tagalign.experiments.scoring import ask_together
from tagalign.methods.dense.method import DenseMethod
from tagalign.tags.label_sets import label_set_of

MODELS = ("tiny", "tiny-plain")
NAMES = list(CLASS_SETS["all"])


def mask_scores(method: Any, scenes: Sequence[Scene]) -> tuple[float, float, float]:
    """Means of pixel accuracy over scenes, of IoU over the names that are there, and over the objects among them."""
    right: list[float] = []
    every: list[float] = []
    objects: list[float] = []
    for scene in scenes:
        names = names_of(scene)
        image = method.encode_images([Image.fromarray(scene.image)])[0]
        answer = method.segment(image, method.encode_labels(label_set_of(names))).labels
        found = torch.tensor([NAMES.index(name) for name in names])[answer]
        true = torch.from_numpy(scene.label_map("all").astype(int))
        right.append((found == true).float().mean().item())
        for place in true.unique():
            ours, theirs = found == place, true == place
            iou = ((ours & theirs).sum() / (ours | theirs).sum()).item()
            every.append(iou)
            if NAMES[place] != scene.background:
                objects.append(iou)
    return fmean(right), fmean(every), fmean(objects)


def phrase_score(method: Any, phrases: TinyReferring) -> float:
    """Mean IoU over phrases."""
    asker = AskReferring(method, phrases)
    rows = ask_together(method, {"refer": asker})["refer"]
    return SCORERS[asker.kind](rows, asker.scoring()).metrics["miou"]


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--modes", nargs="+", choices=list(DENSE_MODES), default=list(DENSE_MODES))
    arguments = parser.parse_args()
    count = arguments.scenes
    torch.set_num_threads(1)
    world = TinyWorld(seed=0, split="validation")
    scenes = list(world.take(count))
    phrases = TinyReferring(name="phrases", world=world, scenes=count, unit="phrases")
    print("| model | mode | pixels | IoU | IoU of objects | `refer` |\n|---|---|--:|--:|--:|--:|")
    for model in MODELS:
        backbone = load_backbone(model)
        for mode in arguments.modes:
            method = DenseMethod(backbone, method=mode, mode=mode)
            shares = [100 * value for value in mask_scores(method, scenes)]
            values = [*shares, phrase_score(method, phrases)]
            print(f"| `{model}` | {mode} | {' | '.join(f'{value:.1f}' for value in values)} |", flush=True)


if __name__ == "__main__":
    main()

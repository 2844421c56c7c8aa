"""How many wrong tags a person finds in the first tenth of the queue, on drawn scenes; and what the clicks teach.

Per encoder: tags of 28 kinds in scenes, thresholds calibrated on validation scenes, every order of doubts, the mirrored
photo as the second answer. Numbers of orders are wrong decisions (a tag too many or missing) in
the first tenth of the photos over those in a random tenth; `best` is an order that knows the truth; `tags` puts single
decisions in order instead of photos. Sharpness and default order were chosen on the validation scenes. Then a reviewer
without fault clicks: what do learned thresholds give? About four minutes of one core per encoder.
Run: python runs/queue_tiny.py --out docs/results/queue.json
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.data.benchmarks.tiny import tiny_labels
from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.json_text import json_text
from tagalign.methods.load import load_method
from tagalign.methods.thresholds import Threshold
from tagalign.ops.alike import ALIKE, group_alike
from tagalign.ops.doubt import expected_errors
from tagalign.tasks.calibration import best_f1_threshold, best_thresholds
from tagalign.tasks.photos.doubts import DOUBTS, doubt_of, tag_doubts
from tagalign.types import Tagging

SEEDS = (0, 1, 2)
TENTH = 10
SHARPNESSES = (0.5, 1.0, 2.0, 4.0)
NAMES = CLASS_SETS["objects"]


def encode(method: Any, split: str, seed: int, count: int) -> dict[str, Tensor]:
    """Truth, scores of the scenes and of the mirrored scenes, and a vector of each scene."""
    world, truth, photos = TinyWorld(seed=seed, split=split), [], []
    for i in range(count):
        scene = world[i]
        photos.append(Image.fromarray(scene.image))
        present = {instance.name for instance in scene.instances}
        truth.append([name in present for name in NAMES])
    labels = method.encode_labels(tiny_labels("objects"))
    found: dict[str, Tensor] = {"truth": torch.tensor(truth)}
    for name, seen in (("scores", photos), ("mirrored", [ImageOps.mirror(photo) for photo in photos])):
        images = [image for s in range(0, count, 16) for image in method.encode_images(seen[s : s + 16])]
        found[name] = torch.tensor([method.tag(image, labels).scores for image in images])
        if name == "scores":
            found["embeds"] = torch.stack([image.embed for image in images])
    copies = [photo.resize((72, 72)) for photo in photos[:50]]
    found["copies"] = torch.stack([image.embed for image in method.encode_images(copies)])
    return found


def answer(scores: Tensor, threshold: Threshold) -> Tagging:
    """Tags by calibrated thresholds."""
    values = scores.tolist()
    return Tagging(names=NAMES, scores=tuple(values), chosen=threshold.choose(values, NAMES))


def marks(tagging: Tagging) -> Tensor:
    """Chosen labels as a row of truths."""
    chosen = torch.zeros(len(NAMES), dtype=torch.bool)
    chosen[list(tagging.chosen)] = True
    return chosen


def gain(doubt: Tensor, errors: Tensor) -> float:
    """Mean errors of the first tenth over the mean of all, which is what a random tenth has."""
    first = doubt.argsort(descending=True, stable=True)[: len(doubt) // TENTH]
    return float(errors[first].mean() / errors.mean())


def gains(found: dict[str, Tensor], threshold: Threshold) -> dict[str, float]:
    """Of every order, with and without the second answer, of the best order, and of single decisions."""
    own = [answer(row, threshold) for row in found["scores"]]
    mirrored = [answer(row, threshold) for row in found["mirrored"]]
    chosen = torch.stack(list(map(marks, own)))
    wrong = chosen != found["truth"]
    errors = wrong.sum(1).double()
    rows: dict[str, float] = {}
    for suffix, others in (("", [None] * len(own)), (" + flip", mirrored)):
        values = [
            tag_doubts(one, threshold=threshold, other=other) for one, other in zip(own, others, strict=True)
        ]
        for name in DOUBTS:
            doubts = [doubt_of(value, name) for value in values]
            if None not in doubts and (not suffix or name in {"errors", "disagreement"}):
                rows[f"{name}{suffix}"] = gain(torch.tensor(doubts, dtype=torch.float64), errors)
    cuts = torch.tensor([threshold.per_label[name] for name in NAMES])
    for sharpness in SHARPNESSES:
        doubt = [expected_errors(s[None], cuts[None], c, sharpness=sharpness)
                 for s, c in zip(found["scores"], chosen, strict=True)]  # fmt: skip
        rows[f"errors, sharpness {sharpness:g}"] = gain(torch.tensor(doubt), errors)
    rows["best"] = gain(errors, errors)
    distance = (torch.logit(found["scores"], eps=1e-4) - torch.logit(cuts, eps=1e-3)).abs()
    rows["tags"] = gain(-distance.flatten(), wrong.flatten().double())
    rows["tags given"] = gain(-distance[chosen], wrong[chosen].double())
    rows["wrong per photo"] = float(errors.mean())
    rows["photos with a wrong tag"] = float((errors > 0).double().mean())
    return rows


def learned(found: dict[str, Tensor], other: dict[str, Tensor], share: float) -> dict[str, float]:
    """F1 on other scenes of thresholds learned from the most doubtful photos and as many draws, beside the default rule."""
    default = Threshold()
    own = [default.choose(row.tolist(), NAMES) for row in found["scores"]]
    doubts = torch.tensor([tag_doubts(Tagging(names=NAMES, scores=tuple(row.tolist()), chosen=chosen))["errors"] or 0.0
                           for row, chosen in zip(found["scores"], own, strict=True)])  # fmt: skip
    count = round(share * len(doubts))
    order = doubts.argsort(descending=True).tolist()
    draws = torch.randperm(len(doubts), generator=torch.Generator().manual_seed(0)).tolist()[:count]
    first = order[:count]
    rest = [i for i in draws if i not in set(first)]
    weights = [1.0] * len(first) + [(len(doubts) - len(first)) / max(1, len(rest))] * len(rest)
    ids = [*first, *rest]
    cuts = []
    for k in range(len(NAMES)):
        pairs = [(float(found["scores"][i, k]), bool(found["truth"][i, k])) for i in ids]
        positives = sum(present for _, present in pairs)
        cuts.append(
            best_f1_threshold(pairs, weights) if min(positives, len(pairs) - positives) >= 3 else None
        )
    base = torch.stack([marks(Tagging(names=NAMES, scores=tuple(row.tolist()), chosen=default.choose(row.tolist(), NAMES)))
                        for row in other["scores"]])  # fmt: skip
    chosen = base.clone()
    for k, cut in enumerate(cuts):
        if cut is not None:
            chosen[:, k] = other["scores"][:, k] >= cut
    return {"default": f1(base, other["truth"]), "learned": f1(chosen, other["truth"]), "clicked": len(ids),
            "labels learned": sum(cut is not None for cut in cuts)}  # fmt: skip


def f1(chosen: Tensor, truth: Tensor) -> float:
    """Micro F1, percent."""
    hits = float((chosen & truth).sum())
    return 200 * hits / max(1.0, float(chosen.sum() + truth.sum()))


def alike(found: dict[str, Tensor]) -> dict[str, float]:
    """Share of scenes that join another one, and of shrunken copies that join their scene."""
    scenes = group_alike(found["embeds"])
    copies = torch.nn.functional.cosine_similarity(found["embeds"][: len(found["copies"])], found["copies"])
    return {
        "threshold": ALIKE,
        "different scenes joined": float((scenes != torch.arange(len(scenes))).double().mean()),
        "copies joined": float((copies >= ALIKE).double().mean()),
    }


def measure(model: str, method_name: str, scenes: int) -> dict[str, Any]:
    """Everything about one encoder."""
    method: Any = load_method(model, method=method_name)
    validation = encode(method, "validation", 0, scenes)
    threshold = best_thresholds(NAMES, validation["scores"].tolist(), validation["truth"].tolist())
    tests = [encode(method, "test", seed, scenes) for seed in SEEDS]
    seeds = [gains(found, threshold) for found in tests]
    rows = {
        name: {"mean": statistics.fmean(values), "deviation": statistics.stdev(values), "seeds": values}
        for name in seeds[0]
        for values in [[seed[name] for seed in seeds]]
    }
    return {
        "model": method.describe(),
        "validation": gains(validation, threshold),
        "rows": rows,
        "learned": [learned(found, tests[i - 1], 0.15) for i, found in enumerate(tests)],
        "alike": [alike(found) for found in tests],
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/queue.json"))
    parser.add_argument("--models", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument("--method", default="clip")
    parser.add_argument("--scenes", type=int, default=250)
    given = parser.parse_args()
    content = {
        "scenes": given.scenes,
        "seeds": list(SEEDS),
        "models": {model: measure(model, given.method, given.scenes) for model in given.models},
    }
    with atomic_write(given.out) as temp:
        temp.write_text(json_text(content, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

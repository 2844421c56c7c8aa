"""Would a calibrated doubt, or a second method, put more wrong tags into the first tenth of the queue? Drawn scenes.

Orders that ``runs/queue_tiny.py`` does not have: doubts divided by the spread of each label's scores; each answer against
its own scores of all scenes (``folder``: what a run with ``--disagreement METHOD`` shows); and the expected number of errors
from probabilities that a logistic fit on labelled validation scenes gives (one weight per answer, a bias
and a slope per label, both held to a common one), for the scores alone, with those of the mirrored photo, with
``surgery``'s, and with both. Validation numbers of fitted orders are of halves that the fit did not see. Numbers are wrong
decisions in the first tenth over those in a random tenth. About a minute of one core per encoder.
Run: python runs/queue_calibrated.py --out docs/results/queue-calibrated.json
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from PIL import Image, ImageOps
from queue_tiny import NAMES, SEEDS, gain
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.data.benchmarks.tiny import tiny_labels
from tagalign.data.tiny_world import TinyWorld
from tagalign.json_text import json_text
from tagalign.methods.load import load_method
from tagalign.methods.thresholds import Threshold
from tagalign.ops.doubt import expected_errors_in_folder
from tagalign.tasks.calibration import best_thresholds

ANSWERS = {
    "scores": ("clip",),
    "with flip": ("clip", "clip, mirrored"),
    "with surgery": ("clip", "surgery"),
    "with both": ("clip", "clip, mirrored", "surgery", "surgery, mirrored"),
}
RIDGES = (1.0, 10.0)
SHARPNESSES = (1.0, 2.0, 4.0)
Scenes = dict[str, Tensor]
Order = Callable[[Scenes, Bool[Tensor, "scenes labels"]], Float[Tensor, " scenes"]]


def encode(methods: dict[str, Any], split: str, seed: int, count: int) -> Scenes:
    """Truth of some scenes, and the scores of every method for them and for their mirrored copies."""
    scenes = [TinyWorld(seed=seed, split=split)[i] for i in range(count)]
    present = [{instance.name for instance in scene.instances} for scene in scenes]
    found = {"truth": torch.tensor([[name in names for name in NAMES] for names in present])}
    photos = [Image.fromarray(scene.image) for scene in scenes]
    for name, method in methods.items():
        labels = method.encode_labels(tiny_labels("objects"))
        for suffix, seen in (("", photos), (", mirrored", list(map(ImageOps.mirror, photos)))):
            images = [image for s in range(0, count, 16) for image in method.encode_images(seen[s : s + 16])]
            found[name + suffix] = torch.tensor([method.tag(image, labels).scores for image in images])
    return found


def logits(scores: Tensor) -> Tensor:
    """As the doubts of the house take them: 0 and 1 are rounded numbers, not certainties."""
    return torch.logit(scores.double(), eps=1e-4)


def features(found: Scenes, answers: str) -> Float[Tensor, "scenes labels answers"]:
    """Logits of the scores of some answers."""
    return torch.stack([logits(found[name]) for name in ANSWERS[answers]], dim=-1)


def fit(
    x: Float[Tensor, "scenes labels answers"], present: Bool[Tensor, "scenes labels"], ridge: float
) -> Callable[[Tensor], Tensor]:
    """Probability of a label: weights of the answers, a bias and a slope on the first answer per label."""
    weights, bias = torch.zeros(x.shape[2], dtype=torch.double), torch.zeros((), dtype=torch.double)
    own_bias, own_slope = (torch.zeros(x.shape[1], dtype=torch.double) for _ in range(2))
    parts = [part.requires_grad_() for part in (weights, bias, own_bias, own_slope)]
    search = torch.optim.LBFGS(parts, max_iter=200, line_search_fn="strong_wolfe")

    def logit(z: Tensor) -> Tensor:
        return (z * weights).sum(dim=-1) + bias + own_bias + own_slope * z[..., 0]

    def loss() -> Tensor:
        search.zero_grad()
        total = torch.nn.functional.binary_cross_entropy_with_logits(
            logit(x), present.double(), reduction="sum"
        )
        total = total + ridge * (own_bias.square().sum() + 10 * own_slope.square().sum())
        total.backward()  # type: ignore[no-untyped-call]
        return total

    search.step(loss)  # type: ignore[no-untyped-call, arg-type]
    return lambda z: torch.sigmoid(logit(z)).detach()


def expected(probability: Tensor, chosen: Tensor) -> Tensor:
    """Expected number of wrong decisions of each scene."""
    return torch.where(chosen, 1 - probability, probability).sum(dim=1)


def by_distance(cuts: Tensor, spread: Tensor | float, sharpness: float, answers: str = "scores") -> Order:
    """The house's ``errors``, of distances that are divided by ``spread``."""

    def order(found: Scenes, chosen: Tensor) -> Tensor:
        sign = torch.where(chosen, 1.0, -1.0)[..., None]
        distance = (features(found, answers) - cuts[:, None]) / torch.as_tensor(spread).reshape(-1, 1)
        return torch.sigmoid(-sharpness * sign * distance).mean(dim=-1).sum(dim=1)

    return order


def by_folder(answers: str) -> Order:
    """The house's ``errors`` of a run with another method: each answer against its own scores of all scenes."""
    return lambda found, chosen: expected_errors_in_folder(
        torch.stack([found[name] for name in ANSWERS[answers]]), chosen
    )


def by_fit(seen: Scenes, answers: str, ridge: float) -> Order:
    """Expected errors of a fit on some scenes."""
    probability = fit(features(seen, answers), seen["truth"], ridge)
    return lambda found, chosen: expected(probability(features(found, answers)), chosen)


def choices(found: Scenes, threshold: Threshold) -> Bool[Tensor, "scenes labels"]:
    """Which labels come out."""
    chosen = torch.zeros_like(found["truth"])
    for row, scores in zip(chosen, found["clip"].tolist(), strict=True):
        row[list(threshold.choose(scores, NAMES))] = True
    return chosen


def part(found: Scenes, rows: Tensor) -> Scenes:
    """Some of the scenes."""
    return {name: values[rows] for name, values in found.items()}


def crossed(found: Scenes, chosen: Tensor, answers: str, ridge: float) -> Tensor:
    """Expected errors of each half by a fit on the other."""
    first = torch.arange(len(chosen)) < len(chosen) // 2
    doubt = torch.zeros(len(chosen), dtype=torch.double)
    for half in (first, ~first):
        doubt[half] = by_fit(part(found, ~half), answers, ridge)(part(found, half), chosen[half])
    return doubt


def measure(model: str, count: int) -> dict[str, dict[str, Any]]:
    """Every order of one encoder."""
    methods = {name: load_method(model, method=name) for name in ("clip", "surgery")}
    seen = encode(methods, "validation", 0, count)
    tests = [encode(methods, "test", seed, count) for seed in SEEDS]
    threshold = best_thresholds(NAMES, seen["clip"].tolist(), seen["truth"].tolist())
    cuts = torch.logit(torch.tensor([threshold.per_label[name] for name in NAMES]).double(), eps=1e-3)
    spread = logits(seen["clip"]).std(dim=0)
    kept = choices(seen, threshold)
    orders = {
        "errors": by_distance(cuts, 1.0, 2.0),
        "errors + flip": by_distance(cuts, 1.0, 2.0, "with flip"),
        "errors + surgery, on one scale": by_distance(cuts, 1.0, 2.0, "with surgery"),
    }
    orders |= {f"folder, {answers}": by_folder(answers) for answers in ANSWERS if answers != "with both"}
    orders |= {f"per label, sharpness {k:g}": by_distance(cuts, spread, k) for k in SHARPNESSES}
    doubts = {name: order(seen, kept) for name, order in orders.items()}
    for answers in ANSWERS:
        for ridge in RIDGES:
            name = f"calibrated, {answers}, ridge {ridge:g}"
            orders[name], doubts[name] = by_fit(seen, answers, ridge), crossed(seen, kept, answers, ridge)
    orders["best"] = lambda found, chosen: (chosen != found["truth"]).sum(dim=1).double()
    doubts["best"] = orders["best"](seen, kept)
    rows = {}
    for name, order in orders.items():
        values = []
        for found in tests:
            chosen = choices(found, threshold)
            values.append(gain(order(found, chosen), (chosen != found["truth"]).sum(dim=1).double()))
        rows[name] = {
            "validation": gain(doubts[name], (kept != seen["truth"]).sum(dim=1).double()),
            "mean": statistics.fmean(values),
            "deviation": statistics.stdev(values),
            "seeds": values,
        }
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/queue-calibrated.json"))
    parser.add_argument("--models", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument("--scenes", type=int, default=250)
    given = parser.parse_args()
    models = {model: measure(model, given.scenes) for model in given.models}
    content = {"scenes": given.scenes, "seeds": list(SEEDS), "models": models}
    with atomic_write(given.out) as temp:
        temp.write_text(json_text(content, indent=1) + "\n", encoding="utf-8")
    for model, rows in models.items():
        for name, row in rows.items():
            print(
                f"{model:<12}{name:<40}{row['validation']:6.2f}{row['mean']:6.2f} +- {row['deviation']:.2f}"
            )


if __name__ == "__main__":
    main()

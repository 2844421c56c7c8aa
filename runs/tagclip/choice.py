"""What is chosen for an encoder on scenes that are never tested on: layers, boxes of the maps, thresholds of tags."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from bench import Bench
from scenes import Scenes
from scores import mean_ap, rechosen, scores_of
from settings import SETTINGS


@dataclass(frozen=True)
class Choice:
    """Settings of an encoder, and the validation numbers they were chosen by.

    Attributes:
        refine_layers: whose mean attention refines scores: the run of layers below the last with the highest mAP of the
            refined scores, without second looks.
        layers: mAP of every run, ``first-last``.
        box_share: of CLS-SEG, with the highest mIoU of objects with calibrated tags.
        background_power: likewise.
        boxes: mIoU of every pair, ``share, power``.
    """

    refine_layers: tuple[int, ...]
    layers: dict[str, float]
    box_share: float
    background_power: float
    boxes: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Choice":
        """From plain values."""
        return cls(**{**values, "refine_layers": tuple(values["refine_layers"])})


def validation() -> list[Scenes]:
    kept = SETTINGS["choice"]
    return [Scenes(seed, kept["scenes"], split=kept["split"]) for seed in kept["seeds"]]


def choose(bench: Bench) -> Choice:
    """Layers first, then boxes with the tags of those layers."""
    scenes = bench.kept_aside
    layers = {run: _layers_map(bench, scenes, run) for run in _runs(bench.clip.num_layers - 1)}
    best = max(layers, key=lambda run: layers[run])
    bench.use(refine_layers=best)
    taggings = rechosen(bench.tag(scenes[0]), bench.calibrated())
    boxes = {
        (share, power): bench.cls_seg(scenes[0], taggings, box_share=share, background_power=power)
        for share, power in product(*SETTINGS["boxes"].values())
    }
    share, power = max(boxes, key=lambda pair: boxes[pair])
    return Choice(
        refine_layers=best,
        layers={f"{run[0]}-{run[-1]}": value for run, value in layers.items()},
        box_share=share,
        background_power=power,
        boxes={f"{share:g}, {power:g}": value for (share, power), value in boxes.items()},
    )


def _runs(last: int) -> list[tuple[int, ...]]:
    """Every run of neighbouring layers below the last."""
    return [tuple(range(first, end)) for first in range(last) for end in range(first + 1, last + 1)]


def _layers_map(bench: Bench, scenes: Sequence[Scenes], run: tuple[int, ...]) -> float:
    found = [
        mean_ap(scores_of(bench.tag(part, refine_layers=run, reidentify=False)), part.truth)
        for part in scenes
    ]
    return sum(found) / len(found)

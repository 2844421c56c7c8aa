"""One method over test scenes: both segmentation metrics and the referring metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tagalign.apps.demo import protocol
from tagalign.apps.demo.scenes import Progress, class_labels, picture, silent, truth
from tagalign.data.tiny_world import Scene
from tagalign.evaluate.referring import ReferringScores
from tagalign.evaluate.segmentation import Confusion
from tagalign.methods.dense.method import DenseMethod

CHUNK = 64
"""Scenes encoded at a time."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Numbers of one row, in percent.

    Attributes:
        segmentation: ``miou``, ``miou_objects``, ``pixel_accuracy``, ``threshold`` (of the background rule, not percent).
        referring: ``miou``, ``overall_iou``, ``precision_50``.
    """

    segmentation: dict[str, float]
    referring: dict[str, float]


def score(
    method: DenseMethod,
    test: Sequence[Scene],
    validation: Sequence[Scene],
    *,
    name: str,
    progress: Progress = silent,
) -> Scores:
    """Evaluate one method; the background threshold comes from the validation scenes."""
    threshold = choose_threshold(method, validation)
    everything, objects = _confusion(protocol.CLASSES), _confusion(protocol.OBJECT_CLASSES)
    all_labels, object_labels = _encoded(method, protocol.CLASSES), _encoded(method, protocol.OBJECT_CLASSES)
    referring = ReferringScores()
    for chunk in progress(_chunks(test), f"scoring {name}"):
        for scene, image in zip(chunk, method.encode_images([picture(s) for s in chunk]), strict=True):
            everything.update(method.segment(image, all_labels).labels, truth(scene, protocol.CLASSES))
            found = method.segment(image, object_labels)
            labels = torch.where(found.scores > threshold, found.labels + 1, 0)
            objects.update(labels, truth(scene, protocol.OBJECT_CLASSES))
            for phrase, mask in scene.referring:
                referring.update(method.refer(image, phrase).mask, torch.from_numpy(mask))
    return Scores(
        segmentation={
            "miou": 100 * everything.miou(),
            "miou_objects": 100 * objects.miou(),
            "pixel_accuracy": 100 * everything.pixel_accuracy(),
            "threshold": threshold,
        },
        referring={
            "miou": 100 * referring.miou(),
            "overall_iou": 100 * referring.overall_iou(),
            "precision_50": 100 * referring.precision(0.5),
        },
    )


def choose_threshold(method: DenseMethod, validation: Sequence[Scene]) -> float:
    """The quantile of the best probability that gives the best ``miou_objects`` on validation scenes."""
    labels = _encoded(method, protocol.OBJECT_CLASSES)
    found = [
        (method.segment(image, labels), truth(scene, protocol.OBJECT_CLASSES))
        for chunk in _chunks(validation)
        for scene, image in zip(chunk, method.encode_images([picture(s) for s in chunk]), strict=True)
    ]
    scores = torch.stack([segmentation.scores.flatten() for segmentation, _ in found]).flatten()
    steps = torch.linspace(0, 1, protocol.THRESHOLD_STEPS + 2)[1:-1]
    # quantile() refuses large inputs; a sorted sample is exact enough for a threshold
    candidates = scores.sort().values[(steps * (len(scores) - 1)).long()].tolist()
    return max(candidates, key=lambda t: _miou_objects(found, t))


def _miou_objects(found: Sequence[tuple[Any, Tensor]], threshold: float) -> float:
    confusion = _confusion(protocol.OBJECT_CLASSES)
    for segmentation, target in found:
        confusion.update(torch.where(segmentation.scores > threshold, segmentation.labels + 1, 0), target)
    return confusion.miou()


def _confusion(class_set: str) -> Confusion:
    labels = class_labels(class_set)
    return Confusion(len(labels) + (class_set == protocol.OBJECT_CLASSES))


def _encoded(method: DenseMethod, class_set: str) -> Any:
    return method.encode_labels(class_labels(class_set))


def _chunks(scenes: Sequence[Scene]) -> list[Sequence[Scene]]:
    return [scenes[i : i + CHUNK] for i in range(0, len(scenes), CHUNK)]


def mean_scores(runs: Sequence[Scores]) -> Scores:
    """Mean of several seeds, key by key."""

    def mean(values: Sequence[dict[str, float]]) -> dict[str, float]:
        return {key: sum(v[key] for v in values) / len(values) for key in values[0]}

    return replace(
        runs[0],
        segmentation=mean([r.segmentation for r in runs]),
        referring=mean([r.referring for r in runs]),
    )

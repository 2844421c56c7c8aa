"""Numbers of a table from taggings and maps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tagalign.data.tiny_world import OBJECTS
from tagalign.evaluate.segmentation import Confusion
from tagalign.evaluate.tagging import average_precisions, mean_average_precision, precision_recall
from tagalign.methods.thresholds import Threshold
from tagalign.types import Segmentation, Tagging

Row = dict[str, float]


def scores_of(taggings: Sequence[Tagging]) -> Tensor:
    return torch.tensor([t.scores for t in taggings], dtype=torch.float64)


def chosen_of(taggings: Sequence[Tagging]) -> Tensor:
    chosen = torch.zeros(len(taggings), len(taggings[0].names), dtype=torch.bool)
    for row, tagging in zip(chosen, taggings, strict=True):
        row[list(tagging.chosen)] = True
    return chosen


def rechosen(taggings: Sequence[Tagging], rule: Threshold) -> list[Tagging]:
    """The same scores, with the tags that another threshold chooses."""
    return [replace(t, chosen=rule.choose(t.scores, t.names)) for t in taggings]


def tag_row(taggings: Sequence[Tagging], truth: Tensor) -> Row:
    found = precision_recall(chosen_of(taggings), truth, average="micro")
    return {"mAP": mean_ap(scores_of(taggings), truth), "precision": 100 * found.precision, "recall": 100 * found.recall,
            "f1": 100 * found.f1}  # fmt: skip


def mean_ap(scores: Tensor, truth: Tensor) -> float:
    return 100 * mean_average_precision(average_precisions(scores.double(), truth))


def miou(predictions: Iterator[Tensor] | Sequence[Tensor], truth: Sequence[Tensor], classes: int) -> float:
    confusion = Confusion(classes)
    for prediction, target in zip(predictions, truth, strict=True):
        confusion.update(prediction, target)
    return 100 * confusion.miou()


def merged(found: Segmentation) -> Tensor:
    """Labels of the 34 classes as objects with one background."""
    return torch.where(found.labels < len(OBJECTS), found.labels + 1, 0)

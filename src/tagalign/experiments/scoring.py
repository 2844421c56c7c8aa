"""The scores of one row: ``evaluate`` asks and scores, every scene is encoded once for all three questions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagalign.data.benchmarks.tiny import TinyScenes
from tagalign.evaluate.ask_dense import AskReferring, AskSegmentation
from tagalign.evaluate.background import WithBackground, best_threshold
from tagalign.evaluate.engine import Asker
from tagalign.evaluate.rows import Row
from tagalign.evaluate.score import SCORERS
from tagalign.experiments import protocol
from tagalign.experiments.world import Split, Watcher, class_labels, silent
from tagalign.methods.dense.method import DenseMethod

CHUNK = 64
"""Scenes encoded at a time."""


@dataclass(frozen=True, kw_only=True)
class RowScores:
    """Numbers of one row, in percent.

    Attributes:
        segmentation: ``miou``, ``miou_objects``, ``pixel_accuracy``, ``threshold`` (of the background rule, not percent).
        referring: ``miou``, ``overall_iou``, ``precision_50``.
    """

    segmentation: dict[str, float]
    referring: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What a method answered to all three questions.

    Attributes:
        askers: the questions.
        rows: their answers, scene by scene.
        threshold: of the background rule.
    """

    askers: Mapping[str, Asker]
    rows: Mapping[str, Sequence[Row]]
    threshold: float

    def metrics(self, what: str) -> Mapping[str, Any]:
        """The numbers of one question."""
        asker = self.askers[what]
        return SCORERS[asker.kind](list(self.rows[what]), asker.scoring()).metrics


def score(
    method: DenseMethod, test: Split, validation: Split, *, name: str, progress: Watcher = silent
) -> RowScores:
    """Evaluate one method; the background threshold comes from the validation scenes."""
    return scores_of(answers(method, test, validation, name=name, progress=progress))


def answers(
    method: DenseMethod, test: Split, validation: Split, *, name: str, progress: Watcher = silent
) -> Answers:
    """Ask everything about the test scenes; the background threshold comes from the validation scenes."""
    labels = class_labels(protocol.OBJECT_CLASSES)
    threshold = best_threshold(method, validation.segmentation(protocol.OBJECT_CLASSES), labels=labels)
    askers: dict[str, Asker] = {
        "all": AskSegmentation(method, test.segmentation(protocol.CLASSES), class_labels(protocol.CLASSES)),
        "objects": AskSegmentation(
            WithBackground(method, threshold), test.segmentation(protocol.OBJECT_CLASSES), labels
        ),
        "referring": AskReferring(method, test.referring()),
    }
    rows = ask_together(method, askers, progress=progress, name=name)
    return Answers(askers=askers, rows=rows, threshold=threshold)


def scores_of(found: Answers) -> RowScores:
    """The numbers of a row."""
    everything, referring = found.metrics("all"), found.metrics("referring")
    return RowScores(
        segmentation={
            "miou": everything["miou"],
            "miou_objects": found.metrics("objects")["miou"],
            "pixel_accuracy": everything["pixel_accuracy"],
            "threshold": found.threshold,
        },
        referring={
            "miou": referring["miou"],
            "overall_iou": referring["overall_iou"],
            "precision_50": referring["precision@0.5"],
        },
    )


def class_set_miou(method: DenseMethod, test: Split, class_set: str) -> float:
    """mIoU, percent, over the pixels of the class set's objects alone: no threshold enters."""
    asker = AskSegmentation(method, test.named_pixels(class_set), class_labels(class_set))
    rows = ask_together(method, {"named": asker})["named"]
    return SCORERS[asker.kind](rows, asker.scoring()).metrics["miou"]


def ask_together(
    method: DenseMethod, askers: Mapping[str, Asker], *, progress: Watcher = silent, name: str = ""
) -> dict[str, list[Row]]:
    """The rows of several questions about the same scenes, from one encoding of each."""
    rows: dict[str, list[Row]] = {what: [] for what in askers}
    data: TinyScenes = next(iter(askers.values())).data  # type: ignore[assignment]  # all ask about the same scenes
    for places in progress(list(_chunks(len(data))), f"scoring {name}, parts"):
        photos = [data.image(i) for i in places]
        encoded: Sequence[Any] = method.encode_images(photos)
        for what, asker in askers.items():
            rows[what] += asker.rows(encoded, photos, [asker.truth(i) for i in places])
    return rows


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))

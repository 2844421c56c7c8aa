"""Answers about one photo as FiftyOne's labels: one, or several under the names of their fields."""

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from PIL import Image

from tagalign.errors import InputError
from tagalign.export.fiftyone import to_classifications, to_detections, to_heatmap, to_segmentation
from tagalign.integrations.tool_model import ToolModel
from tagalign.tasks.photos.names import label_names
from tagalign.types import Segmentation, Tagging

FiftyOneOutput = Literal["classifications", "segmentation", "detections", "heatmaps"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AskedPhoto:
    """What an output is made from.

    Attributes:
        opened: the model and the labels.
        encoded: the photo, by the model.
        image: the photo.
        threshold: of scores; None leaves tags to the method and keeps all masks.
        split: an object per connected part, else one per label.
        min_area: smaller objects are left out, in pixels.
    """

    opened: ToolModel
    encoded: Any
    image: Image.Image
    threshold: float | None = None
    split: bool = True
    min_area: int = 0

    def renamed(self, found: Segmentation) -> Segmentation:
        """Under the names that were typed."""
        shown = self.opened.asked.shown
        return replace(found, names=tuple(shown.get(name, name) for name in found.names), instances=None)


def read_outputs(text: str) -> tuple[FiftyOneOutput, ...]:
    """The outputs that are asked for: ``detections``, or several with commas between.

    Raises:
        InputError: for an unknown one, or none.
    """
    words = dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip())
    if not words or not words.keys() <= set(get_args(FiftyOneOutput)):
        raise InputError(
            f"outputs: expected {', '.join(get_args(FiftyOneOutput))}, or several with commas between, got {text!r}"
        )
    return typing.cast("tuple[FiftyOneOutput, ...]", tuple(words))


def labels_of(photo: AskedPhoto, outputs: tuple[FiftyOneOutput, ...]) -> Any:
    """One label; a dict of them where several were asked for. Heat maps are one per label, so always a dict."""
    found: dict[str, Any] = {}
    for output in outputs:
        made = MAKERS[output](photo)
        found |= made if isinstance(made, Mapping) else {output: made}
    return found[outputs[0]] if len(outputs) == 1 and outputs != ("heatmaps",) else found


def _classifications(photo: AskedPhoto) -> Any:
    chosen = photo.opened.chosen(photo.opened.tagging(photo.encoded), photo.threshold)
    names, scores = tuple(name for name, _ in chosen), tuple(score for _, score in chosen)
    return to_classifications(Tagging(names=names, scores=scores, chosen=tuple(range(len(chosen)))))


def _segmentation(photo: AskedPhoto) -> Any:
    found = photo.opened.segmentation(photo.encoded, photo.image)
    label = to_segmentation(photo.renamed(found))
    if photo.threshold is not None:
        label.mask[(found.scores < photo.threshold).cpu().numpy()] = 0  # nothing there, for the slider
    return label


def _detections(photo: AskedPhoto) -> Any:
    parts = [
        to_detections(
            photo.renamed(one), split=photo.split, min_area=photo.min_area, threshold=photo.threshold
        )
        for one in photo.opened.segmentations(photo.encoded, photo.image)
    ]
    first, *others = parts
    for other in others:
        first.detections.extend(other.detections)
    return first


def _heatmaps(photo: AskedPhoto) -> dict[str, Any]:
    opened = photo.opened
    names = opened.asked.labels.names
    fields = label_names([opened.asked.shown.get(name, name) for name in names])
    if opened.phrases:
        heats = [opened.model.refer(photo.encoded, name).heat for name in names]
    else:
        heats = list(opened.model.heat_maps(photo.encoded, opened.labels))
    return {f"heat_{field}": to_heatmap(heat) for field, heat in zip(fields, heats, strict=True)}


MAKERS: Mapping[FiftyOneOutput, Callable[[AskedPhoto], Any]] = {
    "classifications": _classifications,
    "segmentation": _segmentation,
    "detections": _detections,
    "heatmaps": _heatmaps,
}

"""Answers as the regions of a Label Studio prediction: shapes in per cent of the photo, masks in Label Studio's own code."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np
from jaxtyping import Bool

from tagalign.export.label_studio import brush_rle
from tagalign.export.polygons import polygons
from tagalign.export.records import Region, regions
from tagalign.integrations.label_studio.config import BARE, ControlTag
from tagalign.labels import Size
from tagalign.types import Referring, Segmentation, Tagging

ControlResult = dict[str, Any]
PER_CENT = 100.0


def choices(
    control: ControlTag, tagging: Tagging, values: Mapping[str, str], numbers: "count[int]"
) -> list[ControlResult]:
    """The chosen labels as one result; none where nothing was chosen.

    Args:
        control: that asked.
        tagging: of its labels.
        values: what results hold, by the names of ``tagging``.
        numbers: for the ids of results, which Label Studio wants to be unique within a prediction.
    """
    chosen = tagging.chosen[:1] if control.one else tagging.chosen
    if not chosen:
        return []
    score = max(tagging.scores[i] for i in chosen)
    value = {"choices": [values[tagging.names[i]] for i in chosen]}
    return [_result(control, value, score, numbers)]


def shapes(
    control: ControlTag,
    found: Segmentation,
    values: Mapping[str, str],
    numbers: "count[int]",
    *,
    min_area: int,
    labels_of: ControlTag | None = None,
) -> list[ControlResult]:
    """The masks of a photo in the form that a control asks for.

    A brush gets one result per label, whole, so holes and islands survive; polygons and rectangles get one per connected
    part (or instance). A hole is joined to its polygon by a cut of no width, because Label Studio's polygons have none.

    Args:
        control: that asked.
        found: masks of its labels.
        values: what results hold, by the names of ``found``; other names are left out.
        numbers: see ``choices``.
        min_area: of a part, in pixels; a brush holds all pixels.
        labels_of: the ``Labels`` tag that names the shapes of a control without labels.
    """
    is_brush = "brush" in control.kind
    parts = regions(found, split=not is_brush, min_area=0 if is_brush else min_area)
    return [
        one
        for part in parts
        if part.name in values
        for one in _region(control, part, values[part.name], numbers, labels_of)
    ]


def referred(
    control: ControlTag,
    found: Referring,
    value: str | None,
    numbers: "count[int]",
    *,
    labels_of: ControlTag | None = None,
) -> list[ControlResult]:
    """The region of a phrase; nothing where none was found.

    Args:
        control: that is to hold it.
        found: mask and box of the phrase.
        value: the label it gets; None for a shape without one.
        numbers: see ``choices``.
        labels_of: see ``shapes``.
    """
    if found.box is None:
        return []
    height, width = found.mask.shape
    left, top, right, bottom = found.box
    mask = found.mask.cpu().numpy()
    whole = Region(
        label=0,
        name=found.phrase,
        box=found.box,
        mask=mask[top:bottom, left:right],
        area=int(np.count_nonzero(mask)),
        score=found.score,
        size=(height, width),
    )
    made = list(_region(control, whole, value, numbers, labels_of))
    for one in made:
        one["meta"] = {"text": [found.phrase]}  # shown beside the region
    return made


def mean_score(results: Iterable[ControlResult]) -> float:
    """Of a prediction: the mean of its results, 0 without any; by it Label Studio orders tasks."""
    scores = [one["score"] for one in results if "score" in one]
    return round(sum(scores) / len(scores), 6) if scores else 0.0


def _region(
    control: ControlTag, part: Region, label: str | None, numbers: "count[int]", labels_of: ControlTag | None
) -> Iterator[ControlResult]:
    geometries: Iterable[dict[str, Any]]
    if "brush" in control.kind:
        geometries = [{"format": "rle", "rle": brush_rle(part.full_mask())}]
    elif "rectangle" in control.kind:
        geometries = [_rectangle(part)]
    else:
        geometries = _polygons(part.mask, part.box[:2], part.size)
    for geometry in geometries:
        if control.kind not in BARE:
            value = geometry | ({} if label is None else {control.kind: [label]})
            yield _result(control, value, part.score, numbers, part.size)
            continue
        shape = _result(control, geometry, part.score, numbers, part.size)
        yield shape
        if labels_of is not None and label is not None:  # the same region, named by another tag: the same id
            named = {"from_name": labels_of.name, "type": "labels", "value": geometry | {"labels": [label]}}
            yield shape | named


def _result(
    control: ControlTag, value: dict[str, Any], score: float, numbers: "count[int]", size: Size | None = None
) -> ControlResult:
    found: ControlResult = {
        "id": f"{control.name}-{next(numbers)}",
        "type": control.kind,
        "from_name": control.name,
        "to_name": control.image,
        "score": round(float(score), 6),
        "value": value,
    }
    if size is not None:
        found |= {"original_height": size[0], "original_width": size[1], "image_rotation": 0}
    return found


def _rectangle(part: Region) -> dict[str, Any]:
    height, width = part.size
    left, top, right, bottom = part.box
    return {
        "x": PER_CENT * left / width,
        "y": PER_CENT * top / height,
        "width": PER_CENT * (right - left) / width,
        "height": PER_CENT * (bottom - top) / height,
        "rotation": 0,
    }


def _polygons(
    mask: Bool[np.ndarray, "rows cols"], origin: tuple[int, int], size: Size
) -> Iterator[dict[str, Any]]:
    scale = PER_CENT / np.array([size[1], size[0]], dtype=np.float64)
    for ring in polygons(mask):
        points = np.minimum(
            (ring + np.array(origin)) * scale, PER_CENT
        )  # rounding must not lead out of the photo
        yield {"points": points.tolist(), "closed": True}

"""The results of one annotation of Label Studio: shapes in per cent of the photo, brush strokes, choices."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tagalign.data.annotations.reader import DAMAGED, NO_LABEL, UNKNOWN_SHAPES, AnnotationSource, made
from tagalign.data.annotations.records import Marked, region_of, region_of_polygons
from tagalign.data.annotations.shapes import (
    box_around,
    check_size,
    ellipse,
    mask_of_brush,
    rectangle,
    turned,
)
from tagalign.errors import DataError
from tagalign.labels import Size

SHAPE_KEYS = {
    "brush": {"rle"},
    "polygon": {"points"},
    "ellipse": {"x", "y", "radiusX", "radiusY"},
    "rectangle": {"x", "y", "width", "height"},
}
"""What the value of each shape has, whatever the tag of its region is called."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """What one annotation or prediction says.

    Attributes:
        size: of the photo; None where no region tells it.
        regions: with labels.
        tags: that were chosen for the photo as a whole.
    """

    size: Size | None
    regions: tuple[Marked, ...]
    tags: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys([*self.tags, *(region.label for region in self.regions)]))


def read_results(source: AnnotationSource, rows: list[Any], photo: str) -> Results:
    """The regions and the choices of a list of results.

    Args:
        source: takes what is left out.
        rows: as the file has them.
        photo: its name.
    """
    rows = [row for row in rows if _has_value(source, row, photo)]
    labelled = {str(row.get("id")) for row in rows if _labels(row)}
    regions, tags, size = [], [], None
    for row in rows:
        shape = _shape(row["value"])
        if shape is None:
            tags += _choices(source, row, photo)
        elif not (labels := _labels(row)):
            # a shape tag beside a Labels tag gives two results with one id: the other one has the label
            if str(row.get("id")) not in labelled or row.get("id") is None:
                source.told.say(NO_LABEL, photo, str(row.get("type")))
        else:
            size = size or _size_or_none(row)
            found = (made(source, photo, partial(_region, row, shape, n), what=n) for n in labels)
            regions += [region for region in found if region is not None]
    return Results(size=size, regions=tuple(regions), tags=tuple(dict.fromkeys(tags)))


def _has_value(source: AnnotationSource, row: Any, photo: str) -> bool:
    """Whether a result is about the photo; one that is not is told: it relates regions, or is damaged."""
    if isinstance(row, dict) and isinstance(row.get("value"), dict):
        return True
    if isinstance(row, dict) and row.get("type") == "relation":
        source.told.say(UNKNOWN_SHAPES, photo, "relation")
    else:
        source.told.say(DAMAGED, photo, f"a result without a value: {row!r:.80}")
    return False


def _shape(value: dict[str, Any]) -> str | None:
    return next((name for name, keys in SHAPE_KEYS.items() if keys <= value.keys()), None)


def _labels(row: dict[str, Any]) -> list[str]:
    """Labels of a region: under the name of its tag, ``brushlabels``."""
    lists = [
        value for key, value in row["value"].items() if key.endswith("labels") and isinstance(value, list)
    ]
    return [text for one in lists for label in one if (text := str(label))]


def _choices(source: AnnotationSource, row: dict[str, Any], photo: str) -> list[str]:
    """Choices, and the ends of the paths of a taxonomy."""
    value = row["value"]
    if isinstance(value.get("choices"), list):
        return [str(choice) for choice in value["choices"]]
    if isinstance(value.get("taxonomy"), list):
        return [str(path[-1] if isinstance(path, list) else path) for path in value["taxonomy"] if path]
    source.told.say(UNKNOWN_SHAPES, photo, str(row.get("type")))
    return []


def _size_or_none(row: dict[str, Any]) -> Size | None:
    try:
        return _size(row)
    except (DataError, ArithmeticError, KeyError, TypeError, ValueError):
        return None


def _size(row: dict[str, Any]) -> Size:
    return check_size((int(row["original_height"]), int(row["original_width"])))


def _region(row: dict[str, Any], shape: str, label: str) -> Marked | None:
    if row.get("image_rotation"):
        raise DataError(f"drawn on a picture that was turned by {row['image_rotation']} degrees in the tool")
    size, value = _size(row), row["value"]
    score = row.get("score")
    about: dict[str, Any] = {
        "score": None if score is None else float(score),
        "suggested": row.get("origin") in {"prediction", "prediction-changed"},
    }
    if shape == "brush":
        if value.get("format", "rle") != "rle":
            raise DataError(f"a brush stroke of format {value['format']!r}; expected rle")
        if not isinstance(value["rle"], list):
            raise DataError(f"expected the bytes of a brush stroke, got a {type(value['rle']).__name__}")
        return region_of(mask_of_brush(value["rle"], size), label, **about)
    scale = np.array([size[1], size[0]]) / 100  # positions are per cent of the photo
    if shape == "rectangle":
        return _rectangle(value, scale, size, label, about)
    if shape == "ellipse":
        middle, radii = scale * _pair(value, "x", "y"), scale * _pair(value, "radiusX", "radiusY")
        around = (float(middle[0]), float(middle[1]))
        ring = turned(
            ellipse(around, (float(radii[0]), float(radii[1]))), float(value.get("rotation") or 0), around
        )
        return region_of_polygons([ring], size, label, **about)
    ring = np.array([[float(x), float(y)] for x, y in value["points"]], dtype=np.float64).reshape(-1, 2)
    return region_of_polygons([ring * scale], size, label, **about)


def _pair(value: dict[str, Any], *names: str) -> np.ndarray:
    return np.array([float(value[name]) for name in names])


def _rectangle(
    value: dict[str, Any], scale: np.ndarray, size: Size, label: str, about: dict[str, Any]
) -> Marked:
    """A rectangle; Label Studio turns it around its upper left corner."""
    left, top = (scale * _pair(value, "x", "y")).tolist()
    width, height = (scale * _pair(value, "width", "height")).tolist()
    degrees = float(value.get("rotation") or 0)
    if not np.isfinite([left, top, width, height, degrees]).all() or width <= 0 or height <= 0:
        raise DataError(f"a box of {width:g} x {height:g} pixels")
    corners = turned(rectangle(left, top, left + width, top + height), degrees, (left, top))
    if not degrees % 360:
        return Marked(label=label, box=(left, top, left + width, top + height), is_box=True, **about)
    found = region_of_polygons([corners], size, label, is_box=True, **about)
    if found is None:
        raise DataError("a turned box outside of the photo")
    return Marked(**(vars(found) | {"box": box_around(corners)}))

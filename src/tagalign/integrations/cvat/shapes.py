"""Answers as CVAT's tags and shapes: what ``cvat_sdk`` calls annotations of a frame.

A mask is the run lengths of its box, row by row from the first pixel that is not in it, then the box with its last row and
column included. Rectangles and polygons lie on the borders of pixels, as CVAT draws them; the ring of a polygon enters its
holes along a cut of no width, because a polygon has no holes there.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal

from tagalign.errors import MissingExtraError
from tagalign.export.parts import Parts, parts_by_label
from tagalign.types import Segmentation

AnnotationForm = Literal["tags", "rectangles", "polygons", "masks"]
LABEL_TYPES: Mapping[AnnotationForm, str] = {
    "tags": "tag",
    "rectangles": "rectangle",
    "polygons": "polygon",
    "masks": "mask",
}
"""What CVAT calls a label that has annotations of one form alone."""


def sdk() -> Any:
    """``cvat_sdk.auto_annotation``.

    Raises:
        MissingExtraError: without the package.
    """
    try:
        import cvat_sdk.auto_annotation as found
    except ImportError as error:
        raise MissingExtraError("tagalign.integrations.cvat", "cvat-sdk", "cvat") from error
    return found


def tags_of(chosen: Iterable[tuple[str, float]], ids: Mapping[str, int]) -> list[Any]:
    """Tags of a frame; CVAT keeps no score of them."""
    return [sdk().tag(ids[name]) for name, _ in chosen if name in ids]


def shapes_of(
    found: Segmentation,
    form: AnnotationForm,
    ids: Mapping[str, int],
    *,
    threshold: float | None = None,
    split: bool = True,
    min_area: int = 0,
) -> list[Any]:
    """Shapes of one label map.

    Args:
        found: the label map.
        form: rectangles, polygons or masks.
        ids: of labels in the function's list, by the names of the segmentation; others give no shape.
        threshold: shapes of at least this mean score.
        split: a shape per connected part, else one per label (of a polygon: one per ring).
        min_area: smaller parts are left out, in pixels.
    """
    shapes = []
    for parts in parts_by_label(found, split=split, min_area=min_area):
        if parts.name not in ids:
            continue
        for number, points in _points(parts, form):
            score = float(parts.scores[number])
            if threshold is None or score >= threshold:
                shapes.append(_shape(ids[parts.name], form, points, score))
    return shapes


def _shape(label: int, form: AnnotationForm, points: list[float], score: float) -> Any:
    from cvat_sdk.models import LabeledShapeRequest

    # releases of the SDK before scores refuse the word
    has_score = "score" in LabeledShapeRequest.attribute_map
    scores = {"score": min(1.0, max(0.0, score))} if has_score else {}
    return sdk().shape(label, type=LABEL_TYPES[form], points=points, **scores)


def _points(parts: Parts, form: AnnotationForm) -> Iterator[tuple[int, list[float]]]:
    """Number of the part, and the points of a shape of it."""
    if form == "rectangles":
        yield from enumerate(parts.boxes.astype(float).tolist())
    elif form == "masks":
        for number, (runs, box) in enumerate(zip(parts.box_runs(), parts.boxes.tolist(), strict=True)):
            left, top, right, bottom = box
            yield number, [float(one) for one in (*runs, left, top, right - 1, bottom - 1)]
    else:
        corners, bounds = parts.rings.corners, parts.rings.bounds.tolist()
        rings = [corners[a:b].reshape(-1).astype(float).tolist() for a, b in pairwise(bounds)]
        for number, own in enumerate(parts.rings_by_part()):
            yield from ((number, rings[i]) for i in own)

"""CVAT for images 1.1: boxes and ellipses that may be turned, polygons, masks, tags, and their order of painting."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import NO_LABEL, UNKNOWN_SHAPES, AnnotationSource, made
from tagalign.data.annotations.records import Marked, MarkedPhoto, region_of, region_of_polygons
from tagalign.data.annotations.shapes import (
    Ring,
    box_around,
    check_size,
    ellipse,
    rectangle,
    runs_in_box,
    turned,
)
from tagalign.data.annotations.xml_stream import Element, read_elements, root_of
from tagalign.errors import DataError
from tagalign.labels import Size

ROOT = "annotations"
META = tuple(f"{ROOT}/meta/{part}" for part in ("task", "job", "project"))
SHAPES = frozenset({"box", "ellipse", "polygon", "mask"})


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    for element in read_elements(source.path, (*META, f"{ROOT}/image", f"{ROOT}/track")):
        if element.tag == "image":
            yield _photo(source, element)
        elif element.tag == "track":
            source.told.say(
                "left out: tracks; export the task as CVAT for images",
                "",
                element.attributes.get("label", ""),
            )
        else:
            labels = element.first("labels")
            source.knows(label.text_of("name") for label in (labels.children if labels else ()))


def _photo(source: AnnotationSource, image: Element) -> MarkedPhoto:
    try:
        name = image.attributes["name"]
        size = check_size((int(image.attributes["height"]), int(image.attributes["width"])))
    except (KeyError, ValueError) as error:
        raise DataError(f"{source.path}: an <image> without name or size ({error!s:.200})") from error
    regions, tags, given = [], [], []
    for shape in image.children:
        label = shape.attributes.get("label", "")
        is_auto = shape.attributes.get("source", "").lower() in {"auto", "semi-auto"}
        if not label:
            source.told.say(NO_LABEL, name, f"<{shape.tag}>")
        elif shape.tag == "tag":
            tags.append(label)
            given += [label] if is_auto else []
        elif shape.tag not in SHAPES:
            source.told.say(UNKNOWN_SHAPES, name, f"{label} <{shape.tag}>")
        elif (region := made(source, name, partial(_region, shape, size), what=label)) is not None:
            regions.append(region)
            given += [label] if is_auto else []
    source.knows([*tags, *(region.label for region in regions)])
    return MarkedPhoto(
        name=name, size=size, regions=tuple(regions), tags=tuple(tags), given=tuple(dict.fromkeys(given))
    )


def _region(shape: Element, size: Size) -> Marked | None:
    values = shape.attributes
    label = values["label"]
    about: dict[str, Any] = {
        "order": int(values.get("z_order") or 0),
        "suggested": values.get("source", "").lower() in {"auto", "semi-auto"},
    }
    if shape.tag == "mask":
        runs = [int(run) for run in values["rle"].split(",")]
        place = (int(values["left"]), int(values["top"]), int(values["width"]), int(values["height"]))
        return region_of(runs_in_box(runs, place, size), label, **about)
    degrees = float(values.get("rotation") or 0)
    if shape.tag == "box":
        return _box(values, degrees, size, label, about)
    if shape.tag == "ellipse":
        middle = float(values["cx"]), float(values["cy"])
        ring = turned(ellipse(middle, (float(values["rx"]), float(values["ry"]))), degrees, middle)
    else:
        ring = _points(values["points"])
    return region_of_polygons([ring], size, label, **about)


def _box(values: dict[str, str], degrees: float, size: Size, label: str, about: dict[str, Any]) -> Marked:
    """A rectangle; CVAT turns it around its middle."""
    left, top, right, bottom = (float(values[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
    if not np.isfinite([left, top, right, bottom, degrees]).all() or right <= left or bottom <= top:
        raise DataError(f"a box from ({left}, {top}) to ({right}, {bottom})")
    corners = turned(rectangle(left, top, right, bottom), degrees, ((left + right) / 2, (top + bottom) / 2))
    if not degrees % 180:
        return Marked(label=label, box=(left, top, right, bottom), is_box=True, **about)
    found = region_of_polygons([corners], size, label, is_box=True, **about)
    if found is None:
        raise DataError("a turned box outside of the photo")
    return Marked(**(vars(found) | {"box": box_around(corners)}))


def _points(text: str) -> Ring:
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError("points are x,y;x,y")
    return np.array([[float(x), float(y)] for x, y in pairs], dtype=np.float64).reshape(-1, 2)


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    return path.is_file() and root_of(path) == ROOT


READERS.add(
    "cvat",
    ReaderEntry(
        summary="CVAT for images 1.1 (XML)", looks_like=looks_like, read=read, photos=("images", ".")
    ),
)

"""labelme and X-AnyLabeling: a JSON file per photo; polygons, boxes that may be turned, circles, masks, flags of the photo.

Shapes of one group and label are one object. A file that our export wrote and nobody saved since says what a model thinks.
"""

import base64
import io
import json
import math
import os
import posixpath
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tagalign.backbones.image_formats import DAMAGED as DAMAGED_IMAGE
from tagalign.data.annotations.drawn import Unpainted, regions_of
from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import (
    NO_LABEL,
    NO_SIZE,
    UNKNOWN_SHAPES,
    UNREADABLE,
    AnnotationSource,
    made,
    silent_photos,
    tried,
)
from tagalign.data.annotations.records import Marked, MarkedPhoto, region_of, region_of_polygons
from tagalign.data.annotations.shapes import Ring, box_around, check_size, ellipse
from tagalign.errors import DataError
from tagalign.labels import Size

OURS = "tagalign"
"""How the version of a file begins that our export wrote and nobody saved since."""
MOST_BYTES = 400_000_000
"""Of a file, which may hold its photo."""
HEAD = 65_536
KEYS = ('"version"', '"shapes"')
POLYGONS, TURNED = frozenset({"polygon"}), frozenset({"rotation", "oriented_rectangle"})
SHAPES = POLYGONS | TURNED | {"rectangle", "circle", "mask"}
ShapeRow = dict[str, Any]


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    files = [source.path] if source.path.is_file() else _files(source.path)
    if not files:
        raise DataError(f"{source.path}: no file of labelme (NAME.json with shapes) here")
    named = []
    for path in files:
        where = path.name if path == source.path else path.relative_to(source.path).as_posix()
        try:
            content = _content(path)
            named.append(name := _photo_name(content, where))
            photo = _photo(source, content, name)
        except DataError as error:
            if path == source.path:
                raise
            source.told.say(UNREADABLE, where, str(error))
            continue
        if photo is not None:
            yield photo
    yield from silent_photos(source, named)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if _is_one(path))


def _is_one(path: Path) -> bool:
    """By the beginning of a file; links to pipes and devices, which have no end, are none."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(HEAD).decode("utf-8", errors="replace")
    except OSError:
        return False
    return all(key in head for key in KEYS)


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: has more than {MOST_BYTES:,} bytes")
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and isinstance(content.get("shapes"), list):
            return content
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected labelme's JSON, could not read it ({error!s:.200})") from error
    raise DataError(f"{path}: expected labelme's JSON with a list of shapes")


def _photo_name(content: dict[str, Any], where: str) -> str:
    """The path of the photo from the folder that is read: files name it from where they lie."""
    path = content.get("imagePath")
    if not isinstance(path, str) or not path:
        return posixpath.splitext(where)[0]
    way = posixpath.normpath(posixpath.join(posixpath.dirname(where), path.replace("\\", "/")))
    while way.startswith("../"):
        way = way[3:]
    return way


def _photo(source: AnnotationSource, content: dict[str, Any], name: str) -> MarkedPhoto | None:
    size = _size(content) or source.size_of(name)
    if size is None:
        source.told.say(
            NO_SIZE, name, "the file has no imageHeight and imageWidth; give the photos with --photos"
        )
        return None
    shapes = [shape for shape in content["shapes"] if _is_region(source, shape, name)]
    regions = regions_of(source, name, list(_drawn(source, shapes, name, check_size(size))))
    tags = _tags(content)
    source.knows([*_texts(content.get("flags")), *tags, *(region.label for region in regions)])
    suggested = (region.label for region in regions if region.suggested)
    return MarkedPhoto(
        name=name,
        size=size,
        regions=regions,
        tags=tags,
        given=tuple(dict.fromkeys([*_texts(content.get("suggested_labels")), *suggested])),
        said_by="model" if str(content.get("version")).startswith(OURS) else "person",
    )


def _size(content: dict[str, Any]) -> Size | None:
    sides = content.get("imageHeight"), content.get("imageWidth")
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool) and side > 0]
    return (whole[0], whole[1]) if len(whole) == 2 else None


def _tags(content: dict[str, Any]) -> tuple[str, ...]:
    """Flags that are set, and X-AnyLabeling's tags."""
    flags = content.get("flags")
    checked = [name for name, value in flags.items() if value is True] if isinstance(flags, dict) else []
    return tuple(dict.fromkeys([*checked, *_texts(content.get("tags"))]))


def _texts(values: Any) -> list[str]:
    return (
        [text for text in values if isinstance(text, str) and text] if isinstance(values, list | dict) else []
    )


def _is_region(source: AnnotationSource, shape: Any, photo: str) -> bool:
    """Whether a shape has a label and an inside; one that has not is told."""
    kind = shape.get("shape_type", "polygon") if isinstance(shape, dict) else "what is no shape"
    label = shape.get("label") if isinstance(shape, dict) else None
    if not isinstance(kind, str) or kind not in SHAPES:
        source.told.say(UNKNOWN_SHAPES, photo, f"{label!s:.100} ({kind!s:.100})")
    elif not isinstance(label, str) or not label:
        source.told.say(NO_LABEL, photo, str(kind))
    else:
        return True
    return False


# --- shapes ---------------------------------------------------------------------------------------------------------


def _drawn(
    source: AnnotationSource, shapes: list[ShapeRow], photo: str, size: Size
) -> Iterator[Unpainted | Marked]:
    """What is drawn, in the order of the first shape of each object."""
    objects: dict[object, list[ShapeRow]] = {}
    for number, shape in enumerate(shapes):
        group = shape.get("group_id")
        is_part = shape.get("shape_type", "polygon") in POLYGONS and isinstance(group, int)
        objects.setdefault((shape["label"], group) if is_part else number, []).append(shape)
    for parts in objects.values():
        first, label = parts[0], parts[0]["label"]
        drawn: Unpainted | Marked | None
        if first.get("shape_type", "polygon") in POLYGONS:
            drawn = tried(source, photo, partial(_polygons, parts, size), what=label)
        else:
            drawn = made(source, photo, partial(_region, first, size), what=label)
        if drawn is not None:
            yield drawn


def _polygons(parts: list[ShapeRow], size: Size) -> Unpainted:
    rings = tuple(_points(part) for part in parts)
    return Unpainted(label=parts[0]["label"], size=size, rings=rings, about=_about(parts[0]))


def _region(shape: ShapeRow, size: Size) -> Marked | None:
    label, kind, about = shape["label"], shape["shape_type"], _about(shape)
    points = _points(shape)
    if kind == "mask":
        return region_of(_mask(shape, points, size), label, **about)
    if kind == "circle":
        (x, y), (edge_x, edge_y) = points.tolist()
        radius = math.hypot(edge_x - x, edge_y - y)
        return region_of_polygons([ellipse((x, y), (radius, radius))], size, label, **about)
    if kind in TURNED:
        found = region_of_polygons([points], size, label, is_box=True, **about)
        return None if found is None else Marked(**(vars(found) | {"box": box_around(points)}))
    left, top, right, bottom = box_around(points)
    if right <= left or bottom <= top:
        raise DataError(f"a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g})")
    return Marked(label=label, box=(left, top, right, bottom), is_box=True, **about)


def _about(shape: ShapeRow) -> dict[str, Any]:
    """A score stays when a person moves a corner: it says that a model drew the shape."""
    score = shape.get("score")
    value = None if score is None or not math.isfinite(float(score)) else float(score)
    # as VOC's: who marks a thing as difficult does not want it counted
    return {"score": value, "suggested": value is not None, "crowd": shape.get("difficult") is True}


def _points(shape: ShapeRow) -> Ring:
    points = np.array(shape["points"], dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise DataError("points are a list of [x, y]")
    return points


def _mask(shape: ShapeRow, points: Ring, size: Size) -> np.ndarray:
    """The picture of a mask begins at the first point; what hangs over the photo is cut off."""
    left, top = map(int, points[0].tolist())
    try:
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as image:
            if image.width > size[1] + 1 or image.height > size[0] + 1:
                raise DataError(f"a mask of {image.width} x {image.height} pixels is larger than its photo")
            inside = np.asarray(image.convert("L")) > 0
    except DAMAGED_IMAGE as error:
        raise DataError(f"a mask that is no picture ({error})") from error
    if left < 0 or top < 0:
        raise DataError(f"a mask at ({left}, {top}) lies outside of the photo")
    mask = np.zeros(size, dtype=bool)
    place = mask[top : top + inside.shape[0], left : left + inside.shape[1]]
    place[:] = inside[: place.shape[0], : place.shape[1]]
    return mask


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    if path.is_dir():
        return any(_is_one(found) for found in _few(path))
    return path.suffix.lower() == ".json" and _is_one(path)


def _few(folder: Path) -> Iterator[Path]:
    """Files of a folder and of those in it: enough to see what it holds."""
    try:
        with os.scandir(folder) as found:
            below = sorted(entry.path for entry in found)
    except OSError:
        return
    for path in map(Path, below):
        if path.is_dir():
            yield from sorted(path.glob("*.json"))[:3]
        elif path.suffix.lower() == ".json":
            yield path


READERS.add(
    "labelme",
    ReaderEntry(
        summary="labelme and X-AnyLabeling (a folder with NAME.json, or one such file)",
        looks_like=looks_like,
        read=read,
        photos=("images", "."),
    ),
)

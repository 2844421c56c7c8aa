"""COCO annotations: polygons, run-length codes plain and compressed, crowds, boxes; ids of any kind.

Polygons become pixels by COCO's rule (``ops.polygon_masks``), several of one annotation together. A file may be larger than
memory: its annotations wait on the disk until the photos and the categories are known, which may stand behind them.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tagalign.data.annotations.drawn import Unpainted, regions_of
from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import AnnotationSource, tried
from tagalign.data.annotations.records import CornerBox, Marked, MarkedPhoto
from tagalign.data.annotations.shapes import check_size
from tagalign.data.annotations.spool import Spool
from tagalign.data.json_items import json_members
from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.flips import flips_of_runs
from tagalign.ops.masks import expand_runs

LISTS = ("images", "annotations", "categories")
KEPT = ("category_id", "segmentation", "bbox", "iscrowd", "score")
ADVANCE = 1000
AT_ONCE = 500
"""Annotations of one photo whose masks are made together."""


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    spool = Spool()
    try:
        photos, categories = _tables(source, spool)
        source.knows(categories.values())
        for key in spool:
            if key not in photos:
                source.told.say(
                    "left out: annotations of a photo that the file does not have", f"image {key}"
                )
        for key, entry in photos.items():
            yield _photo(source, entry, spool.rows(key), categories)
    finally:
        spool.close()


def _tables(source: AnnotationSource, spool: Spool) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Photos by id, and names of the categories by id; annotations go to the spool by the id of their photo."""
    photos: dict[str, dict[str, Any]] = {}
    categories: dict[str, str] = {}
    lists: set[str] = set()
    try:
        for number, (name, row) in enumerate(json_members(source.path), start=1):
            if number % ADVANCE == 0:
                source.advance(ADVANCE)
            lists.add(name)
            if name == "annotations":
                spool.add(_id(row["image_id"]), {key: row[key] for key in KEPT if key in row})
            elif name == "categories":
                _add_category(source, categories, row)
            elif name == "images":
                _add_photo(source, photos, row)
    except (
        ValueError,
        ArithmeticError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OSError,
    ) as error:
        raise DataError(
            f"{source.path}: expected COCO's images, annotations and categories, could not read them "
            f"({type(error).__name__}: {error!s:.200})"
        ) from error
    if not photos:
        raise DataError(
            f"{source.path}: expected COCO's list of images, found {', '.join(sorted(lists)) or 'nothing':.200}"
        )
    return photos, categories


def _id(value: Any) -> str:
    """Ids may be numbers or texts, and one tool may turn 7 into 7.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"an id is a number or a text, got {value!r:.100}")
    return str(value)


def _add_category(source: AnnotationSource, categories: dict[str, str], row: dict[str, Any]) -> None:
    name = str(row["name"])
    if name in categories.values():
        source.told.say("joined: categories of the same name", "", name)
    categories[_id(row["id"])] = name


def _add_photo(source: AnnotationSource, photos: dict[str, dict[str, Any]], row: dict[str, Any]) -> None:
    key = _id(row["id"])
    if key in photos:
        source.told.say("left out: photos whose id was taken", str(row["file_name"]), f"id {key}")
        return
    size = (int(row["height"]), int(row["width"])) if row.get("height") and row.get("width") else None
    photos[key] = {"name": str(row["file_name"]), "size": size}


def _photo(
    source: AnnotationSource, entry: dict[str, Any], rows: Iterator[Any], categories: dict[str, str]
) -> MarkedPhoto:
    name, size = entry["name"], entry["size"] or source.size_of(entry["name"])
    regions: list[Marked] = []
    while some := list(islice(rows, AT_ONCE)):
        drawn = (_drawn_or_none(source, name, row, categories, size) for row in some)
        regions += regions_of(source, name, [one for one in drawn if one is not None])
    return MarkedPhoto(name=name, size=size, regions=tuple(regions))


def _drawn_or_none(
    source: AnnotationSource,
    photo: str,
    row: dict[str, Any],
    categories: dict[str, str],
    size: Size | None,
) -> Unpainted | Marked | None:
    try:
        label = categories.get(_id(row.get("category_id", "")))
    except TypeError:
        label = None
    if not label:
        source.told.say("left out: regions of an unknown category", photo, str(row.get("category_id")))
        return None
    return tried(source, photo, partial(_drawn, row, label, size), what=label)


def _drawn(row: dict[str, Any], label: str, size: Size | None) -> Unpainted | Marked:
    about: dict[str, Any] = {
        "crowd": bool(row.get("iscrowd")),
        "score": None if row.get("score") is None else float(row["score"]),
    }
    drawn = row.get("segmentation")
    if not drawn:
        return Marked(label=label, box=_box(row["bbox"]), is_box=True, **about)
    if isinstance(drawn, dict):
        height, width = drawn["size"]
        own = check_size((int(height), int(width)))
        if size is not None and own != size:
            raise DataError(
                f"its code is for {own[0]} x {own[1]} pixels, its photo has {size[0]} x {size[1]}"
            )
        counts = drawn["counts"]
        runs = counts if isinstance(counts, list) else expand_runs(counts.encode("ascii"))
        return Unpainted(label=label, size=own, flips=flips_of_runs(runs, own), about=about)
    if size is None:
        raise DataError("nobody knows the size of its photo")
    if not isinstance(drawn[0], list):
        drawn = [drawn]  # some tools write a single polygon without its list
    return Unpainted(label=label, size=check_size(size), rings=tuple(map(_ring, drawn)), about=about)


def _ring(values: list[Any]) -> np.ndarray:
    if len(values) % 2:
        raise DataError(f"a polygon is x and y in turns, got {len(values)} numbers")
    return np.array(values, dtype=np.float64).reshape(-1, 2)


def _box(values: list[Any]) -> CornerBox:
    left, top, width, height = (float(value) for value in values)
    if not np.isfinite([left, top, width, height]).all() or width <= 0 or height <= 0:
        raise DataError(f"a box of {width} x {height}")
    return left, top, left + width, top + height


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    if not path.is_file():
        return False
    try:
        return next((name for name, _ in json_members(path) if name in LISTS), None) is not None
    except (ValueError, OSError, RecursionError):
        return False


READERS.add(
    "coco",
    ReaderEntry(summary="COCO annotations (JSON)", looks_like=looks_like, read=read, photos=("images", ".")),
)

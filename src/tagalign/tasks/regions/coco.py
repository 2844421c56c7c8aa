"""Regions from COCO's JSON: run-length code in both forms, polygons, results lists, and SA-1B's files of one photo."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.masks import expand_runs, mask_of_runs, run_lengths
from tagalign.ops.polygon_fill import fill_rings
from tagalign.tasks.regions.value import Regions


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoPhoto:
    """What a file says of one photo.

    Attributes:
        file_name: as the file says; None where it holds one photo and no name.
        size: likewise.
        annotations: not looked at yet.
    """

    file_name: str | None = None
    size: Size | None = None
    annotations: list[Any] = field(default_factory=list)


def read_coco(path: Path) -> list[CocoPhoto]:
    """The photos of a file.

    Raises:
        DataError: if it is no JSON, or nothing that holds regions.
    """
    try:
        with path.open("rb") as file:
            values = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    if isinstance(values, list):
        return [_without_name(values, path)]
    if not isinstance(values, dict) or not isinstance(values.get("annotations"), list):
        raise DataError(f"{path}: expected COCO's JSON with a list 'annotations', or a list of masks")
    images = values.get("images")
    if images is None:
        return [_without_name(values["annotations"], path)]
    return _by_image(images, values["annotations"], path)


def _without_name(annotations: list[Any], path: Path) -> CocoPhoto:
    ids = {one.get("image_id") for one in annotations if isinstance(one, dict)} - {None}
    if len(ids) > 1:
        raise DataError(f"{path}: masks of {len(ids)} photos and no list 'images' that names them")
    return CocoPhoto(annotations=annotations)


def _by_image(images: Any, annotations: list[Any], path: Path) -> list[CocoPhoto]:
    photos: dict[Any, CocoPhoto] = {}
    listed: list[Any] = images if isinstance(images, list) else [None]
    for image in listed:
        try:
            size = (int(image["height"]), int(image["width"]))
            photos[image["id"]] = CocoPhoto(file_name=str(image["file_name"]), size=size)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}: expected images with id, file_name, height and width, got {str(image)[:80]}"
            ) from error
    for one in annotations:
        owner = photos.get(one.get("image_id")) if isinstance(one, dict) else None
        if owner is None:
            raise DataError(
                f"{path}: an annotation belongs to no image of the file (image_id "
                f"{one.get('image_id') if isinstance(one, dict) else one!r})"
            )
        owner.annotations.append(one)
    return list(photos.values())


# --- one photo --------------------------------------------------------------------------------------------------------


def regions_of_photo(photo: CocoPhoto, size: Size, where: str) -> Regions:
    """The masks of a photo; crowds are left out, with a note.

    Args:
        photo: from ``read_coco``.
        size: of the photo itself, for polygons of a file that says none.
        where: begins a message.

    Raises:
        DataError: naming the annotation that cannot be used.
    """
    whole = photo.size or size
    masks = list(_masks(photo.annotations, whole, where))
    sizes = {mask_size for mask_size, _ in masks}
    if len(sizes) > 1:
        shown = " and ".join(f"{height} x {width}" for height, width in sorted(sizes)[:2])
        raise DataError(f"{where}: masks of one photo must have one size, got {shown}")
    crowds = sum(_is_crowd(one) for one in photo.annotations)
    notes = (f"{crowds} regions of crowds were left out",) if crowds else ()
    return Regions(size=next(iter(sizes), whole), runs=tuple(runs for _, runs in masks), notes=notes)


def _is_crowd(annotation: Any) -> bool:
    """Many objects in one mask: it is no instance, and its vote would make them one."""
    return isinstance(annotation, Mapping) and bool(annotation.get("iscrowd"))


def _masks(annotations: list[Any], size: Size, where: str) -> Iterator[tuple[Size, tuple[int, ...]]]:
    for number, annotation in enumerate(annotations):
        if _is_crowd(annotation):
            continue
        found = annotation.get("segmentation", annotation) if isinstance(annotation, Mapping) else annotation
        try:
            yield _of_rle(found) if isinstance(found, Mapping) else (size, _of_polygons(found, size))
        except (DataError, KeyError, TypeError, ValueError, OverflowError) as error:
            said = error if isinstance(error, DataError) else f"got {str(found)[:80]}"
            raise DataError(
                f"{where}: mask {number} cannot be used: expected COCO run-length code or polygons, {said}"
            ) from error


def _of_rle(rle: Mapping[str, Any]) -> tuple[Size, tuple[int, ...]]:
    height, width = rle["size"]
    size, counts = (int(height), int(width)), rle["counts"]
    if min(size) < 1:
        raise DataError(f"a size of {size[0]} x {size[1]}")
    runs = expand_runs(counts.encode()) if isinstance(counts, str) else [int(run) for run in counts]
    if min(runs, default=0) < 0 or sum(runs) != size[0] * size[1]:
        mask_of_runs(runs, size)  # says what is wrong with them
    return size, tuple(runs)


def _of_polygons(polygons: Any, size: Size) -> tuple[int, ...]:
    if not isinstance(polygons, list):
        raise TypeError
    rings = []
    for polygon in polygons:
        numbers = [float(number) for number in polygon]
        if len(numbers) < 6 or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
            raise DataError(f"a polygon of {len(numbers)} numbers (at least three corners x, y)")
        rings.append(np.array(numbers).reshape(-1, 2))
    return tuple(run_lengths(fill_rings(rings, size)))


def tails(parts: tuple[str, ...]) -> Iterator[str]:
    """Ends of a path, the longest first: ``a/b/c.jpg``, ``b/c.jpg``, ``c.jpg``."""
    for start in range(len(parts)):
        if ".." not in parts[start:]:
            yield str(PurePath(*parts[start:]))

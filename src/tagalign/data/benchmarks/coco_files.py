"""COCO's annotation files, read once and checked, and their polygons as masks."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from tagalign.backbones.preprocess import MAX_PIXELS
from tagalign.errors import DataError, MissingExtraError
from tagalign.labels import Size

CocoAnnotation = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoFile:
    """One annotation file.

    Attributes:
        path: where it came from.
        images: image entries (``id``, ``file_name``, ``height``, ``width``), by rising id.
        annotations: annotations of each image id, in the order of the file.
        categories: name of each category id.
    """

    path: Path
    images: tuple[CocoAnnotation, ...]
    annotations: dict[int, list[CocoAnnotation]]
    categories: dict[int, str]


@lru_cache(maxsize=4)
def read_coco(path: Path) -> CocoFile:
    """Read an annotation file; the last four are kept, because they take seconds to parse.

    Raises:
        DataError: if it is missing or not in COCO's format.
    """
    content = read_json(path, "a COCO annotation file")
    try:
        by_image: dict[int, list[CocoAnnotation]] = defaultdict(list)
        for annotation in content["annotations"]:
            by_image[int(annotation["image_id"])].append(annotation)
        images = tuple(sorted(content["images"], key=lambda image: int(image["id"])))
        categories = {int(c["id"]): str(c["name"]) for c in content.get("categories", [])}
        for image in images:
            str(image["file_name"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: expected COCO's images and annotations ({type(error).__name__}: {error})"
        ) from error
    return CocoFile(path=path, images=images, annotations=dict(by_image), categories=categories)


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: if the file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing; expected {what}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected {what}, could not read it ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected {what}, got a JSON {type(content).__name__}")
    return content


def find_file(root: Path, names: Sequence[str], what: str) -> Path:
    """The first of several places below a folder.

    Raises:
        DataError: naming all places that were tried.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise DataError(f"{root}: {what} not found; tried {', '.join(names)}")


def image_path(root: Path, folder: str, file_name: str) -> Path:
    """Path of an image below the root, in the folders people keep COCO's images in; the first one if none exists.

    Raises:
        DataError: if the name leads out of the folder.
    """
    name = Path(file_name)
    if name.is_absolute() or ".." in name.parts:
        raise DataError(
            f"image name {file_name!r} leads out of its folder; the annotation file is not to be trusted"
        )
    places = [root / folder / name, root / "images" / folder / name, root / "images" / name, root / name]
    return next((place for place in places if place.is_file()), places[0])


def render(annotation: CocoAnnotation, size: Size) -> Bool[np.ndarray, "height width"]:
    """The mask of one annotation: polygons, or run-length code.

    Raises:
        DataError: if it cannot be drawn.
        MissingExtraError: for polygons without pycocotools, whose rasteriser defines these masks.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            f"annotation {annotation.get('id')}: a mask of {size} has more than {MAX_PIXELS:,} pixels"
        )
    from tagalign.ops.masks import mask_of_runs  # late: to list and open benchmarks needs no torch

    try:
        codes = _run_length_codes(annotation.get("segmentation"), size)
        masks = [mask_of_runs(code, size).numpy() for code in codes]
    except (DataError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"annotation {annotation.get('id')}: its segmentation cannot be drawn ({error})"
        ) from error
    return np.logical_or.reduce(masks) if masks else np.zeros(size, dtype=bool)


def _run_length_codes(segmentation: Any, size: Size) -> list[list[int]]:
    """Run lengths of each part of a segmentation."""
    from tagalign.ops.masks import expand_runs  # late, as in `render`

    if isinstance(segmentation, dict):
        if tuple(segmentation["size"]) != size:
            raise DataError(f"its code is for {segmentation['size']} pixels, its image has {list(size)}")
        counts = segmentation["counts"]
        return [counts if isinstance(counts, list) else expand_runs(_bytes(counts))]
    if not isinstance(segmentation, list):
        raise DataError(f"expected polygons or a run-length code, got {segmentation!r}")
    return [expand_runs(_bytes(code["counts"])) for code in _polygon_codes(segmentation, size)]


def _bytes(code: str | bytes) -> bytes:
    return code.encode() if isinstance(code, str) else bytes(code)


def _polygon_codes(polygons: list[Any], size: Size) -> list[dict[str, Any]]:
    if not polygons:
        return []
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise MissingExtraError("drawing COCO's polygons", "pycocotools", "export") from error
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError("a polygon needs at least three points, x and y in turns")
    try:
        return list(coco_mask.frPyObjects(polygons, *size))
    except Exception as error:  # the C code raises bare Exception for anything it cannot read
        raise DataError(str(error)) from error

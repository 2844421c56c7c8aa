"""COCO annotations: instances (one per connected part) or stuff (one per label), as run-length code or polygons."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from tagalign.atomic import atomic_write
from tagalign.export.polygons import polygons
from tagalign.export.records import (
    Annotated,
    OneNameList,
    Region,
    categories,
    regions,
    segmentation_of,
    tensor_mask,
)
from tagalign.ops.masks import encode_rle

Form = Literal["rle", "polygons"]


def write_coco(
    path: str | Path,
    images: Iterable[Annotated],
    *,
    form: Form = "rle",
    split: bool = True,
    min_area: int = 0,
) -> int:
    """Write one JSON file that pycocotools reads.

    Category ids count the labels from 1 and leave ``background`` out. Areas and boxes are those of the masks, also
    beside polygons. Annotations are written as they come: memory grows by one line per image, not by its masks.

    Args:
        path: of the JSON file.
        images: with masks, all for the same labels; ids count from 1.
        form: ``rle`` is exact; ``polygons`` stays within 2 % of the area.
        split: instances, one per connected part; else stuff, one per label and image.
        min_area: smaller regions are left out, in pixels.

    Returns:
        The number of annotations.

    Raises:
        InputError: if an image has no masks, or the labels differ between images.
    """
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        return _write(file, images, form, split, min_area)


def _write(file: TextIO, images: Iterable[Annotated], form: Form, split: bool, min_area: int) -> int:
    one_list, headers, count = OneNameList(), [], 0
    file.write('{"annotations": [')
    for image_id, image in enumerate(images, start=1):
        segmentation = segmentation_of(image)
        one_list.check(image.file_name, segmentation.names)
        ids = categories(segmentation.names)
        headers.append(_image(image, image_id))
        for region in regions(segmentation, split=split, min_area=min_area):
            file.write(",\n" if count else "\n")
            count += 1
            row = {"id": count, "image_id": image_id, "category_id": ids[region.label]}
            file.write(json.dumps(row | annotation(region, form)))
    labels = categories(one_list.names).items()
    tail = {
        "images": headers,
        "categories": [{"id": i, "name": one_list.names[label], "supercategory": ""} for label, i in labels],
        "info": {"description": "written by tagalign", "version": "1.0"},
        "licenses": [],
    }
    file.write("\n], " + json.dumps(tail)[1:] + "\n")
    return count


def _image(image: Annotated, image_id: int) -> dict[str, Any]:
    height, width = image.size
    return {"id": image_id, "file_name": image.file_name, "height": height, "width": width}


def annotation(region: Region, form: Form) -> dict[str, Any]:
    """Mask, area, box (XYWH) and score of a region, as COCO writes them."""
    left, top, right, bottom = region.box
    return {
        "segmentation": rle(region) if form == "rle" else polygon_lists(region),
        "area": region.area,
        "bbox": [left, top, right - left, bottom - top],
        "iscrowd": 0,
        "score": round(region.score, 6),
    }


def rle(region: Region) -> dict[str, Any]:
    """COCO's compressed run-length code of a region."""
    return {"size": list(region.size), "counts": encode_rle(tensor_mask(region)).decode("ascii")}


def polygon_lists(region: Region) -> list[list[float]]:
    """COCO's polygons of a region: ``[x1, y1, x2, y2, ...]`` per connected part."""
    left, top, _, _ = region.box
    return [(ring + np.array([left, top])).reshape(-1).tolist() for ring in polygons(region.mask)]

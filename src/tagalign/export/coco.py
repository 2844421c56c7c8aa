"""COCO annotations: instances (one per connected part) or stuff (one per label), as run-length code or polygons."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from tagalign.atomic import atomic_write, sweep
from tagalign.export.parts import Parts, parts_by_label
from tagalign.export.polygons import polygons
from tagalign.export.records import (
    Annotated,
    OneNameList,
    Region,
    categories,
    segmentation_of,
    tensor_mask,
)
from tagalign.export.ring_texts import ring_texts
from tagalign.json_text import json_text
from tagalign.ops.masks import encode_rle

CocoForm = Literal["rle", "polygons"]


def write_coco(
    path: str | Path,
    images: Iterable[Annotated],
    *,
    form: CocoForm = "rle",
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
    path = Path(path)
    sweep(path.parent, [path.name])
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        return _write(file, images, form, split, min_area)


def _write(file: TextIO, images: Iterable[Annotated], form: CocoForm, split: bool, min_area: int) -> int:
    one_list, headers, count = OneNameList(), [], 0
    file.write('{"annotations": [')
    for image_id, image in enumerate(images, start=1):
        segmentation = segmentation_of(image)
        one_list.check(image.file_name, segmentation.names)
        ids = categories(segmentation.names)
        headers.append(_image(image, image_id))
        for parts in parts_by_label(segmentation, split=split, min_area=min_area):
            for row in _annotations(parts, form):
                file.write(",\n" if count else "\n")
                count += 1
                file.write(
                    f'{{"id": {count}, "image_id": {image_id}, "category_id": {ids[parts.label]}, {row}}}'
                )
    labels = categories(one_list.names).items()
    tail = {
        "images": headers,
        "categories": [{"id": i, "name": one_list.names[label], "supercategory": ""} for label, i in labels],
        "info": {"description": "written by tagalign", "version": "1.0"},
        "licenses": [],
    }
    file.write("\n], " + json_text(tail)[1:] + "\n")
    return count


def _image(image: Annotated, image_id: int) -> dict[str, Any]:
    height, width = image.size
    return {"id": image_id, "file_name": image.file_name, "height": height, "width": width}


def _annotations(parts: Parts, form: CocoForm) -> Iterator[str]:
    """Mask, area, box (XYWH) and score of each part, as COCO writes them.

    JSON by hand: the encoder takes ten times as long, and a noisy mask has a million parts.
    """
    masks = _code_texts(parts) if form == "rle" else _polygon_texts(parts)
    scores = parts.scores.round(6).tolist()  # finite, so that their repr is JSON
    for mask, area, (left, top, right, bottom), score in zip(
        masks, parts.areas.tolist(), parts.boxes.tolist(), scores, strict=True
    ):
        yield (
            f'"segmentation": {mask}, "area": {area}, "bbox": [{left}, {top}, {right - left}, {bottom - top}], '
            f'"iscrowd": 0, "score": {score}'
        )


def _code_texts(parts: Parts) -> Iterator[str]:
    height, width = parts.size
    head = f'{{"size": [{height}, {width}], "counts": "'
    # of the letters of the code (48 to 111) JSON escapes the backslash alone
    return (head + code.replace("\\", "\\\\") + '"}' for code in parts.codes())


def _polygon_texts(parts: Parts) -> Iterator[str]:
    """``[[x1, y1, x2, y2, ...], ...]`` of each part."""
    rings = ring_texts(parts.rings, parts.size, "{}, ".format, "{}, ".format, separator=2)
    return ("[[" + "], [".join(rings[found.start : found.stop]) + "]]" for found in parts.rings_by_part())


def rle(region: Region) -> dict[str, Any]:
    """COCO's compressed run-length code of a region."""
    return {"size": list(region.size), "counts": encode_rle(tensor_mask(region)).decode("ascii")}


def polygon_lists(region: Region) -> list[list[float]]:
    """COCO's polygons of a region: ``[x1, y1, x2, y2, ...]`` per connected part."""
    left, top, _, _ = region.box
    return [(ring + np.array([left, top])).reshape(-1).tolist() for ring in polygons(region.mask)]

"""CVAT for images 1.1: one XML file with masks or polygons and tags, to be imported into a task of the same images."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tagalign.atomic import atomic_write
from tagalign.export.drawing import label_color
from tagalign.export.polygons import polygons
from tagalign.export.records import BACKGROUND, Annotated, Region, regions, segmentation_of

Form = Literal["masks", "polygons"]


def write_cvat(
    path: str | Path,
    images: Iterable[Annotated],
    names: Iterable[str],
    *,
    form: Form = "masks",
    min_area: int = 0,
) -> int:
    """Write the annotations of all images.

    Args:
        path: of the XML file.
        images: with masks, tags, or both.
        names: all labels of the task; ``background`` is left out.
        form: ``masks`` is exact; ``polygons`` is easier to correct by hand.
        min_area: smaller connected parts are left out, in pixels.

    Returns:
        The number of images.
    """
    count = 0
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        file.write(_meta([name for name in names if name != BACKGROUND]))
        for image in images:
            file.writelines(_image(image, count, form, min_area))
            count += 1
        file.write("</annotations>\n")
    return count


def _meta(names: list[str]) -> str:
    labels = "".join(
        f"        <label><name>{escape(name)}</name><color>#{bytes(label_color(i)).hex()}</color>"
        "<attributes></attributes></label>\n"
        for i, name in enumerate(names)
    )
    return f"  <meta>\n    <task>\n      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"


def _image(image: Annotated, image_id: int, form: Form, min_area: int) -> Iterator[str]:
    height, width = image.size
    yield f'  <image id="{image_id}" name={quoteattr(image.file_name)} width="{width}" height="{height}">\n'
    if image.segmentation is not None:
        for region in regions(segmentation_of(image), min_area=min_area):
            yield from _shapes(region, form)
    if image.tagging is not None:
        for tag in image.tagging.tags:
            yield f'    <tag label={quoteattr(tag)} source="auto"></tag>\n'
    yield "  </image>\n"


def _shapes(region: Region, form: Form) -> Iterator[str]:
    left, top, right, bottom = region.box
    common = f'label={quoteattr(region.name)} source="auto" occluded="0" z_order="0"'
    if form == "masks":
        place = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
        runs = ", ".join(map(str, row_runs(region.mask)))
        yield f'    <mask {common} rle="{runs}" {place}></mask>\n'
        return
    for ring in polygons(region.mask):
        points = ";".join(f"{x + left:.2f},{y + top:.2f}" for x, y in ring)
        yield f'    <polygon {common} points="{points}"></polygon>\n'


def row_runs(mask: np.ndarray) -> list[int]:
    """Run lengths along the rows, the first of False cells (0 when the first cell is True): CVAT's form.

    >>> row_runs(np.array([[False, True], [True, True]]))
    [1, 3]
    """
    cells = np.concatenate([[False], mask.reshape(-1)])
    edges = np.flatnonzero(cells[1:] != cells[:-1])
    return np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()

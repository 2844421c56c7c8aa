"""CVAT for images 1.1: one XML file with masks or polygons and tags, to be imported into a task of the same images."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from tagalign.atomic import atomic_write, sweep
from tagalign.errors import InputError
from tagalign.export.drawing import label_color
from tagalign.export.parts import Parts, parts_by_label
from tagalign.export.records import Annotated, segmentation_of
from tagalign.export.ring_texts import ring_texts
from tagalign.labels import BACKGROUND

CvatForm = Literal["masks", "polygons"]

# what XML 1.0 has no way to write: control letters, halves of surrogate pairs (bytes of names that are not UTF-8)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_cvat(
    path: str | Path,
    images: Iterable[Annotated],
    names: Iterable[str],
    *,
    form: CvatForm = "masks",
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

    Raises:
        InputError: for a name that XML cannot hold.
    """
    count, path = 0, Path(path)
    sweep(path.parent, [path.name])
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
        f"        <label><name>{escape(_refuse_unwritable(name))}</name><color>#{bytes(label_color(i)).hex()}</color>"
        "<attributes></attributes></label>\n"
        for i, name in enumerate(names)
    )
    return f"  <meta>\n    <task>\n      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"


def _image(image: Annotated, image_id: int, form: CvatForm, min_area: int) -> Iterator[str]:
    height, width = image.size
    yield f'  <image id="{image_id}" name={_attribute(image.file_name)} width="{width}" height="{height}">\n'
    if image.segmentation is not None:
        for parts in parts_by_label(segmentation_of(image), min_area=min_area):
            yield from _shapes(parts, form)
    if image.tagging is not None:
        for tag in image.tagging.tags:
            yield f'    <tag label={_attribute(tag)} source="auto"></tag>\n'
    yield "  </image>\n"


def _attribute(text: str) -> str:
    return quoteattr(_refuse_unwritable(text))


def _refuse_unwritable(text: str) -> str:
    """CVAT finds photos and labels by their names, so nothing may stand for a letter that XML does not know."""
    if found := _NOT_XML.search(text):
        raise InputError(f"{text!a}: XML cannot hold {found[0]!a}; rename it, or take another format")
    return text


def _shapes(parts: Parts, form: CvatForm) -> Iterator[str]:
    common = f'label={_attribute(parts.name)} source="auto" occluded="0" z_order="0"'
    if form == "masks":
        for runs, (left, top, right, bottom) in zip(parts.box_runs(), parts.boxes.tolist(), strict=True):
            place = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
            yield f'    <mask {common} rle="{str(runs)[1:-1]}" {place}></mask>\n'
        return
    for points in ring_texts(parts.rings, parts.size, "{}.00,".format, "{}.00;".format):
        yield f'    <polygon {common} points="{points}"></polygon>\n'

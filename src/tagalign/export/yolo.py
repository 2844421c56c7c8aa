"""YOLO segmentation: one text file of normalised polygons per image, and the ``data.yaml`` that names the classes."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tagalign.atomic import atomic_write, sweep
from tagalign.export.parts import parts_by_label
from tagalign.export.paths import own_file
from tagalign.export.records import Annotated, OneNameList, categories, segmentation_of
from tagalign.export.ring_texts import ring_texts
from tagalign.json_text import json_text
from tagalign.types import Segmentation

# control letters, NEL, the line and paragraph separator, the byte order mark, halves of surrogate pairs
_UNPRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def write_yolo(folder: str | Path, images: Iterable[Annotated], *, min_area: int = 0) -> int:
    """Write ``labels/NAME.txt`` for every image and ``data.yaml``; the photos belong into ``images/`` beside them.

    Args:
        folder: made if missing.
        images: with masks, all for the same labels. An image without a region gets an empty file, as YOLO expects.
        min_area: smaller connected parts are left out, in pixels.

    Returns:
        The number of images.

    Raises:
        InputError: if an image has no masks, the labels differ, or two images would share one file.
    """
    folder, one_list, count = Path(folder), OneNameList(), 0
    written: set[Path] = set()
    for image in images:
        segmentation = segmentation_of(image)
        one_list.check(image.file_name, segmentation.names)
        path = own_file(folder / "labels", image.file_name, ".txt", written)
        with atomic_write(path) as temp:
            temp.write_text(yolo_lines(segmentation, min_area=min_area), encoding="utf-8")
        count += 1
    for below in {path.parent for path in written}:
        sweep(below, [path.name for path in written])
    sweep(folder, ["data.yaml"])
    with atomic_write(folder / "data.yaml") as temp:
        temp.write_text(data_yaml(one_list.names), encoding="utf-8")
    return count


def yolo_lines(segmentation: Segmentation, *, min_area: int = 0) -> str:
    """One line per connected part or instance: class id from 0, then ``x y`` of its polygon's corners in [0, 1].

    The rings of an instance that is not connected are joined by lines of no width, there and back: a line is an object.
    """
    ids = categories(segmentation.names)
    height, width = segmentation.labels.shape
    lines: list[str] = []
    for parts in parts_by_label(segmentation, min_area=min_area):
        head = f"{ids[parts.label] - 1} "
        rings = ring_texts(parts.rings, parts.size, _share_of(width), _share_of(height))
        lines += [f"{head}{_joined(rings[own.start : own.stop])}\n" for own in parts.rings_by_part()]
    return "".join(lines)


def _joined(rings: Sequence[str]) -> str:
    if len(rings) == 1:
        return rings[0]
    firsts = [" ".join(ring.split(" ", 2)[:2]) for ring in rings]
    there = [f"{ring} {first}" for ring, first in zip(rings, firsts, strict=True)]
    return " ".join([*there, *firsts[-2:0:-1]])


def _share_of(side: int) -> Callable[[int], str]:
    return lambda place: f"{place / side:.6g} "


def data_yaml(names: tuple[str, ...]) -> str:
    """The file that names the classes and says where the photos lie.

    It has no ``path``: readers then take the folder of the file, while ``path: .`` is the folder they were started in.
    """
    rows = [f"  {i - 1}: {_yaml_text(names[label])}\n" for label, i in categories(names).items()]
    return "train: images\nval: images\n" + ("names:\n" + "".join(rows) if rows else "names: {}\n")


def _yaml_text(name: str) -> str:
    """Text in double quotes, which YAML reads as JSON does, but for letters that it takes as line breaks or refuses."""
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text(name, ensure_ascii=False))

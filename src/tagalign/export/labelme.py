"""labelme and X-AnyLabeling: a JSON file per photo, with polygons or masks as shapes and tags as flags.

A file is one of ours as long as nobody saved it: both tools write a version of their own then.
"""

import base64
import io
import os
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from PIL import Image

from tagalign.atomic import atomic_write, sweep
from tagalign.data.annotations.formats.labelme import OURS
from tagalign.errors import InputError
from tagalign.export.parts import Parts, parts_by_label
from tagalign.export.paths import own_file
from tagalign.export.records import Annotated, segmentation_of
from tagalign.export.ring_texts import ring_texts
from tagalign.json_text import json_text
from tagalign.labels import BACKGROUND

LabelmeForm = Literal["polygons", "masks"]

_BEGINNING = f'{{"version": "{OURS}'


def write_labelme(
    folder: str | Path,
    images: Iterable[Annotated],
    *,
    form: LabelmeForm = "polygons",
    min_area: int = 0,
    photos: Path | None = None,
) -> int:
    """Write ``NAME.json`` for every photo.

    Args:
        folder: made if missing; the photos' own folder does as well, and is where both tools look first.
        images: with masks, tags, or both. Tags become flags of the photo, one for each label that was asked.
        form: ``polygons`` are read by both tools, ``masks`` are exact and read by labelme alone.
        min_area: smaller connected parts are left out, in pixels.
        photos: folder that the names of the images are relative to; None where they lie beside the files.

    Returns:
        The number of images.

    Raises:
        InputError: if two images would share one file, or a person's work would be written over.
    """
    folder = Path(folder)
    written: set[Path] = set()
    for image in images:
        path = own_file(folder, image.file_name, ".json", written)
        _refuse_saved(path)
        photo = Path(image.file_name).name if photos is None else _way(photos / image.file_name, path.parent)
        with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
            file.writelines(_document(image, photo, form, min_area))
    for below in {path.parent for path in written}:
        sweep(below, [path.name for path in written])
    return len(written)


def _refuse_saved(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:  # what a person saved may hold its photo: the beginning tells
        is_ours = file.read(len(_BEGINNING)) == _BEGINNING.encode("ascii")
    if not is_ours:
        raise InputError(f"{path}: was saved by another tool and is not written over; give another --out")


def _way(photo: Path, folder: Path) -> str:
    """From the folder of a file to its photo; the whole path where they lie on different drives."""
    try:
        return Path(os.path.relpath(photo, folder)).as_posix()
    except ValueError:
        return photo.absolute().as_posix()


def _document(image: Annotated, photo: str, form: LabelmeForm, min_area: int) -> Iterator[str]:
    tagging = image.tagging
    asked = {} if tagging is None else {name: name in tagging.tags for name in tagging.names}
    suggested = [] if tagging is None else list(tagging.tags)
    yield f'{_BEGINNING} {version("tagalign")}", "flags": {json_text(asked)}, "shapes": ['
    separator = "\n"
    if image.segmentation is not None:
        group = 0
        for parts in parts_by_label(segmentation_of(image), min_area=min_area):
            suggested.append(parts.name)
            for shape in _masks(parts) if form == "masks" else _polygons(parts, group):
                yield separator + shape
                separator = ",\n"
            group += len(parts)
    height, width = image.size
    about = {
        "imagePath": photo,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
        "suggested_labels": list(dict.fromkeys(name for name in suggested if name != BACKGROUND)),
    }
    yield f"], {json_text(about)[1:]}\n"


def _shape(
    name: str, kind: str, points: str, score: float, *, group: str = "null", mask: str = "null"
) -> str:
    return (
        f'{{"label": {json_text(name)}, "points": [{points}], "group_id": {group}, "description": "", '
        f'"shape_type": "{kind}", "flags": {{}}, "mask": {mask}, "score": {score}}}'
    )


def _polygons(parts: Parts, first_group: int) -> Iterator[str]:
    """One shape per ring; the rings of an instance that is not connected share a number."""
    texts = ring_texts(parts.rings, parts.size, "[{}.0,".format, "{}.0],".format)
    scores = parts.scores.round(6).tolist()  # finite, so that their repr is JSON
    for number, (rings, score) in enumerate(zip(parts.rings_by_part(), scores, strict=True)):
        group = str(first_group + number + 1) if len(rings) > 1 else "null"
        for ring in texts[rings.start : rings.stop]:
            yield _shape(parts.name, "polygon", ring, score, group=group)


def _masks(parts: Parts) -> Iterator[str]:
    """One shape per part: the first and the last pixel of its box, and what is inside as a PNG."""
    top, left = parts.origin
    sides = zip(parts.boxes.tolist(), parts.scores.round(6).tolist(), strict=True)
    for number, ((x, y, right, bottom), score) in enumerate(sides, start=1):
        inside = parts.numbers[y - top : bottom - top, x - left : right - left] == number
        file = io.BytesIO()
        Image.fromarray(inside).save(file, "PNG")
        code = base64.b64encode(file.getvalue()).decode("ascii")
        corners = f"[{x}.0,{y}.0],[{right - 1}.0,{bottom - 1}.0]"
        yield _shape(parts.name, "mask", corners, score, mask=f'"{code}"')

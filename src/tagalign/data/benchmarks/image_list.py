"""A benchmark on the images of a list, as TagCLIP's release lists them: a name, then the ids of its labels, counted from 0.

The lists decide about published numbers: that of VOC 2007 counts difficult objects, that of COCO 2017 has those 4,952 images
of 5,000 that show an object (linyq2117/TagCLIP c32b640, ``imageset/``, MIT). Names alone choose images and change no truth.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tagalign.data.benchmarks.coco import CocoInstances
from tagalign.data.benchmarks.segmentation_sets import MaskFolder, read_list
from tagalign.data.benchmarks.tag_sets import TagSet, label_rows
from tagalign.errors import DataError, InputError


@dataclass(frozen=True, kw_only=True)
class ImageList:
    """What a list says.

    Attributes:
        path: where it lies, for messages.
        ids: of the labels of each image, by its name; empty for names alone.
        mark: its name, length and hash, for results.
    """

    path: Path
    ids: Mapping[str, tuple[int, ...]]
    mark: str


def read_image_list(path: Path) -> ImageList:
    """Read a list.

    Raises:
        InputError: if it is missing, empty, names an image twice, or holds what is no id.
    """
    try:
        lines = read_list(path, "an image name and the ids of its labels per line")
    except DataError as error:
        raise InputError(f"--image-list {error}") from error
    ids: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(lines, start=1):
        name, *words = line.split()
        if not all(word.isdecimal() for word in words):
            raise InputError(
                f"--image-list {path}, line {number}: expected a name and ids, such as '000001 11 14', got {line[:60]!r}"
            )
        key = Path(name).stem
        if key in ids:
            raise InputError(f"--image-list {path}, line {number}: {key} stands there twice")
        ids[key] = tuple(map(int, words))
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    return ImageList(path=path, ids=ids, mark=f"{path.name}, {len(ids)} images, {digest}")


def on_list(data: Any, chosen: ImageList) -> Any:
    """A tagging or segmentation benchmark on the images of a list, in the benchmark's order.

    Tags of a list that has ids replace the benchmark's own; masks stay.

    Raises:
        InputError: for a benchmark of another kind, or an image or a label that it does not have.
    """
    if isinstance(data, TagSet):
        return _tags(data, chosen)
    if isinstance(data, MaskFolder):
        places = _places([pair.key for pair in data.pairs], data.name, chosen)
        return replace(data, pairs=tuple(data.pairs[i] for i in places), expected=len(places))
    if isinstance(data, CocoInstances):
        places = _places([data.key(i) for i in range(len(data))], data.name, chosen)
        file = replace(data.file, images=tuple(data.file.images[i] for i in places))
        return replace(data, file=file, expected=len(places))
    raise InputError(f"--image-list does not act on {data.name}: it is for tags and masks; leave it out")


def _tags(data: TagSet, chosen: ImageList) -> TagSet:
    places = _places([path.stem for path in data.images], data.name, chosen)
    images, rows = tuple(data.images[i] for i in places), data.rows[places]
    if any(chosen.ids.values()):
        ids = [chosen.ids[path.stem] for path in images]
        beyond = next((i for present in ids for i in present if i >= len(data.labels)), None)
        if beyond is not None:
            raise InputError(
                f"--image-list {chosen.path}: label {beyond}, but {data.name} has {len(data.labels)} labels, counted from 0"
            )
        rows = label_rows(ids, len(data.labels))
    return replace(data, images=images, rows=rows, expected=len(places))


def _places(keys: list[str], benchmark: str, chosen: ImageList) -> list[int]:
    places = [i for i, key in enumerate(keys) if key in chosen.ids]
    if len(places) < len(chosen.ids):
        lost = min(set(chosen.ids) - set(keys))
        raise InputError(
            f"--image-list {chosen.path}: {len(chosen.ids) - len(places)} of its {len(chosen.ids)} images are not in "
            f"{benchmark}, such as {lost}; is it a list of this benchmark and split?"
        )
    return places

"""PASCAL VOC: boxes in XML files, masks as PNG pictures of classes and of objects.

Where a photo has a mask its boxes are not read a second time. Boxes of the official data count pixels from 1 and hold their
last pixel; other tools write corners on the borders of pixels, and are taken so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tagalign.backbones.image_formats import DAMAGED
from tagalign.backbones.preprocess import MAX_PIXELS
from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import UNREADABLE, AnnotationSource, made
from tagalign.data.annotations.records import VOID, Marked, MarkedPhoto, region_of
from tagalign.data.annotations.xml_stream import Element, read_elements, root_of
from tagalign.errors import DataError
from tagalign.labels import BACKGROUND, Size
from tagalign.ops.voc_colours import palette
from tagalign.tags.label_sets import benchmark_labels
from tagalign.tags.text_files import read_text

ROOT = "annotation"
BOXES, CLASSES, OBJECTS, LABEL_MAP = "Annotations", "SegmentationClass", "SegmentationObject", "labelmap.txt"
OFFICIAL = "the voc"
VOID_COLOUR = (224, 224, 192)
Colour = tuple[int, int, int]


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    if source.path.is_file():
        yield _boxes_photo(source, source.path)
        return
    boxes = _files(source.path / BOXES, "*.xml")
    masks = _files(source.path / CLASSES, "*.png")
    if not boxes and not masks:
        raise DataError(f"{source.path}: expected {BOXES}/NAME.xml or {CLASSES}/NAME.png, found neither")
    names = _Names.of(source.path, any_masks=bool(masks))
    source.knows(names.known)
    for key in sorted(boxes.keys() | masks.keys()):
        described = _boxes_or_none(source, boxes[key], with_boxes=key not in masks) if key in boxes else None
        if key not in masks:
            if described is not None:
                yield described
            continue
        try:
            size, regions = _mask_regions(source, masks[key], source.path / OBJECTS / f"{key}.png", names)
        except DataError as error:
            source.told.say("left out: masks that cannot be read", key, str(error))
            continue
        name = key if described is None else described.name
        tags = () if described is None else described.tags
        yield MarkedPhoto(name=name, size=size, regions=regions, tags=tags)


def _files(folder: Path, pattern: str) -> dict[str, Path]:
    """Files by their names without ending; links to pipes and devices, which have no end, are none."""
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}


# --- boxes ----------------------------------------------------------------------------------------------------------


def _boxes_or_none(source: AnnotationSource, path: Path, *, with_boxes: bool) -> MarkedPhoto | None:
    """One file of many: a damaged one costs itself, and is told."""
    try:
        return _boxes_photo(source, path, with_boxes=with_boxes)
    except DataError as error:
        source.told.say(UNREADABLE, path.name, str(error))
        return None


def _boxes_photo(source: AnnotationSource, path: Path, *, with_boxes: bool = True) -> MarkedPhoto:
    """A photo of an XML file; without boxes the labels stay as tags."""
    root = next(iter(read_elements(path, (ROOT,))), None)
    if root is None:
        raise DataError(f"{path}: expected <{ROOT}>, as VOC has it")
    name = root.text_of("path") or root.text_of("filename") or path.stem
    objects = [child for child in root.children if child.tag == "object"]
    labels = [one.text_of("name") for one in objects]
    source.knows(filter(None, labels))
    size = _size(root)
    if not with_boxes:
        return MarkedPhoto(name=name, size=size, tags=tuple(dict.fromkeys(filter(None, labels))))
    first = 1.0 if root.text_of("source", "database").lower().startswith(OFFICIAL) else 0.0
    found = [
        made(source, name, partial(_box, one, first), what=label)
        for one, label in zip(objects, labels, strict=True)
    ]
    return MarkedPhoto(name=name, size=size, regions=tuple(region for region in found if region is not None))


def _size(root: Element) -> Size | None:
    try:
        size = (int(root.text_of("size", "height")), int(root.text_of("size", "width")))
    except ValueError:
        return None
    return size if min(size) > 0 else None


def _box(one: Element, first: float) -> Marked:
    label = one.text_of("name")
    if not label:
        raise DataError("an object without a name")
    left, top, right, bottom = (
        float(one.text_of("bndbox", side)) for side in ("xmin", "ymin", "xmax", "ymax")
    )
    left, top = left - first, top - first
    if not np.isfinite([left, top, right, bottom]).all() or right <= left or bottom <= top:
        raise DataError(f"a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g})")
    # VOC's own tools do not count what they call difficult
    is_difficult = one.text_of("difficult") == "1"
    return Marked(label=label, box=(left, top, right, bottom), is_box=True, crowd=is_difficult)


# --- masks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What the ids and the colours of masks mean."""

    by_id: dict[int, str]
    by_colour: dict[Colour, str]

    @property
    def known(self) -> tuple[str, ...]:
        """All names but the background."""
        found = [*self.by_id.values(), *self.by_colour.values()]
        return tuple(dict.fromkeys(name for name in found if name not in (BACKGROUND, VOID)))

    @classmethod
    def of(cls, folder: Path, *, any_masks: bool) -> "_Names":
        """From ``labelmap.txt``; without it those of VOC."""
        if not any_masks:
            return cls(by_id={}, by_colour={})
        path = folder / LABEL_MAP
        if not path.is_file():
            names = (BACKGROUND, *benchmark_labels("voc20").names)
            return cls(by_id=dict(enumerate(names)) | {255: VOID}, by_colour={VOID_COLOUR: VOID})
        by_colour = {VOID_COLOUR: VOID}
        place = 0
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                name, colour, *_ = line.rsplit(":", 3)
                # Datumaro writes none where nobody chose one, and paints with VOC's
                red, green, blue = map(int, colour.split(",")) if colour.strip() else palette()[place]
            except (ValueError, IndexError) as error:
                raise DataError(
                    f"{path}, line {number}: expected NAME:R,G,B:PARTS:ACTIONS ({error})"
                ) from error
            by_colour[red, green, blue] = VOID if name in {"void", "ignored"} else name
            place += 1
        return cls(by_id={}, by_colour=by_colour)

    def name_of(self, place: int, colour: Colour) -> str | None:
        """By the colour where there is a list of colours, else by the id; None for one that nobody knows."""
        return self.by_colour[colour] if colour in self.by_colour else self.by_id.get(place)


def _mask_regions(
    source: AnnotationSource, classes: Path, objects: Path, names: _Names
) -> tuple[Size, tuple[Marked, ...]]:
    """One region per class and object; per class where no picture of the objects lies beside."""
    ids, colours = _picture(classes)
    numbers = _picture(objects)[0] if objects.is_file() else np.zeros_like(ids)
    if numbers.shape != ids.shape:
        raise DataError(f"{objects}: has another size than {classes}")
    regions = []
    for place in np.unique(ids).tolist():
        name = names.name_of(place, colours[place])
        if name is None:
            source.told.say(
                "left out: regions of an unknown class", classes.stem, f"id {place}, colour {colours[place]}"
            )
        if name is None or name == BACKGROUND:
            continue
        inside = ids == place
        for number in np.unique(numbers[inside]).tolist() if name != VOID else [None]:
            mask = inside if number is None else inside & (numbers == number)
            region = region_of(mask, name, crowd=name == VOID)
            regions += [region] if region is not None else []
    return (ids.shape[0], ids.shape[1]), tuple(regions)


def _picture(path: Path) -> tuple[np.ndarray, dict[int, Colour]]:
    """Ids of the pixels and the colour of each; of a colour picture the ids are made from the colours."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path}: {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are opened"
                )
            if image.mode in {"P", "L", "1"}:
                ids = np.asarray(image).astype(np.int64)
                colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
            else:
                colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
                ids = (colours.astype(np.int64) @ (65_536, 256, 1)).reshape(image.height, image.width)
    except DAMAGED as error:
        raise DataError(f"{path}: the mask is damaged or no picture ({error})") from error
    places, first = np.unique(ids.reshape(-1), return_index=True)
    rows = colours[first].tolist()
    return ids, {place: (row[0], row[1], row[2]) for place, row in zip(places.tolist(), rows, strict=True)}


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    if path.is_file():
        return root_of(path) == ROOT
    return (path / BOXES).is_dir() or (path / CLASSES).is_dir()


READERS.add(
    "voc",
    ReaderEntry(
        summary="PASCAL VOC (a folder with Annotations/ or SegmentationClass/, or one XML file)",
        looks_like=looks_like,
        read=read,
        photos=("JPEGImages", "images", "."),
    ),
)

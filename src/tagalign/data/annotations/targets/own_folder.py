"""Annotations as a folder of our own layout: photos, masks, labels and what is in each photo (``data.benchmarks.own``)."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TextIO

import numpy as np
from PIL import Image

from tagalign.atomic import atomic_write, sweep
from tagalign.data.annotations.laid import LaidPhoto
from tagalign.data.annotations.records import VOID
from tagalign.data.annotations.targets.painting import painted
from tagalign.data.annotations.turning import stored
from tagalign.data.benchmarks.own import LABELS, MARK, MASKS, PHOTOS, TAGS
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.labels import BACKGROUND, LabelSet, ignored_id
from tagalign.tags.label_sets import label_set_values
from tagalign.tasks.photos.names import STEM_BYTES, Reserved, clean

Purpose = Literal["benchmark", "training"]


@dataclass(frozen=True, kw_only=True)
class OwnFolder:
    """A folder that was written.

    Attributes:
        photos: how many.
        masks: how many hold a label.
    """

    photos: int
    masks: int


def write_own_folder(
    photos: Iterable[LaidPhoto],
    labels: LabelSet,
    out: Path,
    purpose: Purpose,
    *,
    mark: str = "",
) -> OwnFolder:
    """Write the folder; photos are linked where the file system allows, else copied, and masks lie on their stored pixels.

    Masks of a benchmark hold 0 where no label is and count labels from 1. Those to train on count from 0 and do not count
    pixels without a label, which nobody promised to be none of the labels.

    Args:
        photos: with their annotations.
        labels: that are meant; ``background`` is none.
        out: a new or empty folder, or one that the same call has begun.
        purpose: which ids the masks hold.
        mark: of everything that decides the content; another one is refused.

    Raises:
        InputError: if the folder holds something else.
        DataError: if no label is left, or no photo that was judged.
    """
    labels = replace(labels, labels=tuple(one for one in labels.labels if one.name != BACKGROUND))
    if not labels.labels:
        raise DataError(
            "no label is left; --labels and --label-map say what the names of the file are called"
        )
    _begin(out, mark, purpose)
    with atomic_write(out / LABELS) as temp:
        temp.write_text(
            json_text(label_set_values(labels), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    written = _Writer(out, labels.names, purpose)
    with atomic_write(out / TAGS) as temp, temp.open("w", encoding="utf-8") as file:
        found = written.all(photos, file)
    if not found.photos:
        raise DataError("none of the photos that were judged was found; the notes above say why")
    _mark(out, mark, purpose, complete=True)
    return found


class _Writer:
    """The files of the photos, one by one."""

    def __init__(self, out: Path, names: tuple[str, ...], purpose: Purpose) -> None:
        self._out, self._names = out, names
        first = 1 if purpose == "benchmark" else 0
        self._ids = {name: i for i, name in enumerate(names, start=first)}
        self._ignore = ignored_id(len(names) + first)
        self._empty = 0 if purpose == "benchmark" else self._ignore
        if purpose == "benchmark":
            self._ids[BACKGROUND] = 0
        self._reserved = Reserved()

    def all(self, laid: Iterable[LaidPhoto], file: TextIO) -> OwnFolder:
        photos = masks = 0
        for one in laid:
            if one.marked.said_by == "nobody":
                continue
            has_mask = self._one(one, file)
            photos, masks = photos + 1, masks + has_mask
        return OwnFolder(photos=photos, masks=masks)

    def _one(self, one: LaidPhoto, file: TextIO) -> bool:
        """Write one photo; whether its mask holds a label."""
        place = PurePosixPath(one.photo.place)
        wanted = (clean(place.stem), clean("__".join(place.with_suffix("").parts)))
        name = self._reserved.take(wanted, one.photo.place, STEM_BYTES)
        _link(one.photo.path, self._out / PHOTOS / f"{name}{place.suffix.lower()}")
        ids = painted(one.marked, self._ids, empty=self._empty, ignore=self._ignore)
        _save(stored(ids, one.photo.orientation), self._out / MASKS / f"{name}.png", self._ignore)
        row = {
            "image": f"{PHOTOS}/{name}{place.suffix.lower()}",
            "tags": [label for label in one.marked.labels if label in self._names],
            "boxes": list(_boxes(one, self._names)),
            "from": one.photo.place,
        }
        file.write(json_text(row, ensure_ascii=True) + "\n")
        return bool(np.isin(ids, [self._ids[label] for label in self._names]).any())


def _boxes(one: LaidPhoto, names: tuple[str, ...]) -> Iterator[dict[str, object]]:
    for region in one.marked.regions:
        if region.label in names and region.label != VOID:
            left, top, right, bottom = region.box
            yield {"label": region.label, "box": [left, top, right, bottom], "crowd": region.crowd}


def _save(ids: np.ndarray, path: Path, ignore: int) -> None:
    kind = np.uint8 if ignore <= np.iinfo(np.uint8).max else np.uint16
    with atomic_write(path) as temp:
        Image.fromarray(ids.astype(kind)).save(temp, format="PNG")


def _link(source: Path, target: Path) -> None:
    """The photo under another name; a copy where the system has no links, or the other disk is another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        with atomic_write(target) as temp:
            shutil.copyfile(source, temp)


def _begin(out: Path, mark: str, purpose: Purpose) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; expected a folder")
    content = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if content:
        told = (out / MARK).read_text(encoding="utf-8") if MARK in content else ""
        if told not in (_mark_text(mark, purpose, complete=False), _mark_text(mark, purpose, complete=True)):
            raise InputError(
                f"--out {out}: holds something else; take a new folder, or the same annotations and flags"
            )
        for below in (out, out / PHOTOS, out / MASKS):
            if below.is_dir():
                sweep(below)
    _mark(out, mark, purpose, complete=False)


def _mark(out: Path, mark: str, purpose: Purpose, *, complete: bool) -> None:
    with atomic_write(out / MARK) as temp:
        temp.write_text(_mark_text(mark, purpose, complete=complete), encoding="utf-8")


def _mark_text(mark: str, purpose: Purpose, *, complete: bool) -> str:
    return json_text({"for": purpose, "mark": mark, "complete": complete}, indent=1) + "\n"

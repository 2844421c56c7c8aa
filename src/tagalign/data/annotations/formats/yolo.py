"""YOLO: a text file of boxes or polygons per photo, in shares of its sides, and the names of the classes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

try:  # ten times as fast, where the library is built with it
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader

from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import DAMAGED, NO_SIZE, AnnotationSource, made, silent_photos
from tagalign.data.annotations.records import Marked, MarkedPhoto, region_of_polygons
from tagalign.data.annotations.shapes import check_size
from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.tags.text_files import read_text

NAME_FILES = ("classes.txt", "obj.names")
LABEL_FOLDERS = ("labels", "obj_train_data")
NO_LABELS = frozenset({*NAME_FILES, "train.txt", "val.txt", "test.txt", "notes.txt", "README.txt"})
MOST_YAML = 1_000_000
"""Bytes; 20,000 names fit."""


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    folder = source.path if source.path.is_dir() else source.path.parent
    names = _names(source.path)
    source.knows(names.values())
    labels = next((folder / name for name in LABEL_FOLDERS if (folder / name).is_dir()), folder)
    files = sorted(path for path in labels.rglob("*.txt") if path.name not in NO_LABELS and path.is_file())
    if not files:
        raise DataError(
            f"{labels}: no files of labels (NAME.txt) here; give the folder that holds data.yaml and labels/"
        )
    for path in files:
        photo = _photo_of(path, labels)
        size = source.size_of(photo)
        if size is None:
            source.told.say(NO_SIZE, photo, "YOLO's numbers are shares of it; give the photos with --photos")
            continue
        yield MarkedPhoto(name=photo, size=size, regions=tuple(_regions(source, path, photo, size, names)))
    yield from silent_photos(source, (_photo_of(path, labels) for path in files))


def _photo_of(path: Path, labels: Path) -> str:
    return path.relative_to(labels).with_suffix("").as_posix()


def _names(path: Path) -> dict[int, str]:
    """Names by class id, from a YAML file with ``names`` (a list or a map), or one name per line.

    Raises:
        DataError: if there is none, or it cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    yamls = (
        [path]
        if path.suffix in {".yaml", ".yml"}
        else sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    )
    for file in yamls:
        if (names := _yaml_names(file)) is not None:
            return names
    for name in NAME_FILES:
        if (folder / name).is_file():
            lines = [line.strip() for line in read_text(folder / name).splitlines()]
            return {i: line for i, line in enumerate(lines) if line}
    raise DataError(
        f"{folder}: nobody says what the class ids mean; expected data.yaml with names, or classes.txt"
    )


def _yaml_names(path: Path) -> dict[int, str] | None:
    """The names of a YAML file; None for one that has none."""
    try:
        if path.stat().st_size > MOST_YAML:
            raise DataError(
                f"{path}: has more than {MOST_YAML:,} bytes; expected a short file with the names"
            )
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader)
        names = content.get("names") if isinstance(content, dict) else None
        if names is None:
            return None
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(place): _name(name) for place, name in pairs}
    except (yaml.YAMLError, OSError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[
            :200
        ]  # YAML's own reader points at the place over several lines
        raise DataError(
            f"{path}: expected YAML with the names of the classes, could not read it ({reason})"
        ) from error


def _name(value: Any) -> str:
    """YAML takes ``yes`` and ``1`` for other things than names, which are written so all the same."""
    if isinstance(value, dict | list) or value is None:
        raise TypeError(f"expected a name, got {value!r}")
    return str(value)


def _regions(
    source: AnnotationSource, path: Path, photo: str, size: Size, names: dict[int, str]
) -> Iterator[Marked]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not (words := line.split()):
            continue
        where = f"line {number}"
        try:
            values = [float(word) for word in words]
            label = names.get(int(values[0])) if values[0].is_integer() else None
        except (ValueError, OverflowError) as error:
            source.told.say(DAMAGED, photo, f"{where}: {error}")
            continue
        if not label:
            source.told.say("left out: regions of an unknown class", photo, f"{where}: class {words[0]}")
            continue
        region = made(source, photo, partial(_region, values[1:], label, size), what=f"{where}:")
        if region is not None:
            yield region


def _region(values: list[float], label: str, size: Size) -> Marked | None:
    if not np.isfinite(values).all():
        raise DataError("a number that is none")
    if len(values) in {4, 5}:
        x, y, width, height = (
            values[0] * size[1],
            values[1] * size[0],
            values[2] * size[1],
            values[3] * size[0],
        )
        if width <= 0 or height <= 0:
            raise DataError(f"a box of {width:g} x {height:g} pixels")
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Marked(label=label, box=box, is_box=True, score=values[4] if len(values) == 5 else None)
    if len(values) % 2:
        raise DataError(f"expected a box of 4 numbers or x and y in turns, got {len(values)}")
    ring = np.array(values, dtype=np.float64).reshape(-1, 2) * (size[1], size[0])
    return region_of_polygons([ring], check_size(size), label)


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    if path.suffix in {".yaml", ".yml"}:
        return path.is_file()
    if not path.is_dir():
        return False
    has_names = any((path / name).is_file() for name in NAME_FILES) or any(path.glob("*.y*ml"))
    return has_names or (path / "labels").is_dir()


READERS.add(
    "yolo",
    ReaderEntry(
        summary="YOLO boxes and polygons (a folder with data.yaml and labels/)",
        looks_like=looks_like,
        read=read,
        photos=("images", "obj_train_data", "."),
    ),
)

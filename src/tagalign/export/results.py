"""Results that ``tagalign segment`` and ``tagalign tag`` wrote, read back for the exporters, one image at a time."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from tagalign.errors import DataError
from tagalign.export.records import Annotated
from tagalign.ops.masks import decode_rle
from tagalign.types import Segmentation, Tagging

SETTINGS = "settings.json"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
PICTURES = (".overlay.png", ".heat.png", ".trusty.png")  # for people; the masks lie beside them
ROWS = 256


def read_results(folder: str | Path, *, photos: Path | None = None) -> Iterator[Annotated]:
    """Images of a result folder with their masks or tags, in the order of their names.

    Args:
        folder: written by ``tagalign segment`` (palette PNG) or ``tagalign tag`` (Parquet), with its ``settings.json``.
        photos: folder of the photos; file names become relative to it. Without it a mask's own name, or the path
            that was tagged, is taken.

    Raises:
        DataError: if the folder holds no results, or a file of it cannot be read.
    """
    folder = Path(folder)
    names = result_names(folder)
    parts = sorted(folder.rglob("*.parquet"))
    if parts:
        yield from _read_parquet(parts, names, photos)
        return
    masks = sorted(p for p in folder.glob("*.png") if not p.name.endswith(PICTURES))
    if not masks:
        raise DataError(f"{folder}: no masks (NAME.png) and no tags (*.parquet) here; give a result folder")
    by_stem = _photos_by_stem(photos)
    for path in masks:
        yield _read_mask(path, names, by_stem.get(path.stem, path.name))


def result_names(folder: Path) -> tuple[str, ...]:
    """The labels of a run, from its ``settings.json``.

    Raises:
        DataError: if the file is missing, damaged, or names no labels.
    """
    path = folder / SETTINGS
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["labels"]
    except FileNotFoundError as error:
        raise DataError(f"{folder}: {SETTINGS} is missing, so nobody knows what the ids mean") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"{path}: expected a list of labels in it ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: expected 'labels' to be a list of names")
    return tuple(names)


# --- palette PNG ----------------------------------------------------------------------------------------------------


def _photos_by_stem(photos: Path | None) -> dict[str, str]:
    if photos is None:
        return {}
    found = sorted(p for p in photos.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return {path.stem: path.relative_to(photos).as_posix() for path in reversed(found)}


def _read_mask(path: Path, names: tuple[str, ...], file_name: str) -> Annotated:
    try:
        with Image.open(path) as image:
            ids = np.asarray(image).astype(np.int64)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be read as a mask ({error})") from error
    if ids.ndim != 2 or ids.max(initial=0) >= len(names):
        raise DataError(f"{path}: expected label ids 0 to {len(names) - 1}, got something else")
    size = (ids.shape[0], ids.shape[1])
    # a PNG keeps no scores: 1 says "chosen"
    found = Segmentation(labels=torch.from_numpy(ids), names=names, scores=torch.ones(size))
    return Annotated(file_name=file_name, size=size, segmentation=found)


# --- Parquet --------------------------------------------------------------------------------------------------------


def _read_parquet(parts: list[Path], names: tuple[str, ...], photos: Path | None) -> Iterator[Annotated]:
    for path in parts:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=ROWS):
                    for row in batch.to_pylist():
                        yield _read_row(row, names, photos)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise DataError(f"{path}: not a part of a result ({type(error).__name__}: {error})") from error


def _read_row(row: Mapping[str, Any], names: tuple[str, ...], photos: Path | None) -> Annotated:
    height, width = row["size"]
    file_name = _relative(row["key"], photos)
    if "counts" in row:
        return Annotated(
            file_name=file_name, size=(height, width), segmentation=_masks(row, names, (height, width))
        )
    return Annotated(file_name=file_name, size=(height, width), tagging=_tags(row, names))


def _relative(key: str, photos: Path | None) -> str:
    path = Path(key)
    return path.relative_to(photos).as_posix() if photos is not None and path.is_relative_to(photos) else key


def _masks(row: Mapping[str, Any], names: tuple[str, ...], size: tuple[int, int]) -> Segmentation:
    labels = torch.zeros(size, dtype=torch.int64)
    for label, code in zip(row["labels"], row["counts"], strict=True):
        labels[decode_rle(code, size)] = label
    return Segmentation(labels=labels, names=names, scores=torch.ones(size))


def _tags(row: Mapping[str, Any], names: tuple[str, ...]) -> Tagging:
    ids = {name: i for i, name in enumerate(names)}
    return Tagging(names=names, scores=tuple(row["scores"]), chosen=tuple(ids[tag] for tag in row["tags"]))

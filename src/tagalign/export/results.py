"""Results that ``tagalign segment`` and ``tagalign tag`` wrote, read back for the exporters, one image at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from tagalign.backbones.image_formats import DAMAGED
from tagalign.errors import DataError, TagalignError
from tagalign.export.instances import InstanceRows, read_instances
from tagalign.export.photos import PhotoNames, named_sources, part_sources, run_root
from tagalign.export.records import Annotated
from tagalign.ops.masks import decode_rle
from tagalign.tasks.photos.keys import path_of
from tagalign.tasks.photos.result_labels import result_names
from tagalign.tasks.photos.source import PhotoSource
from tagalign.types import Segmentation, Tagging

PICTURES = (".overlay.png", ".heat.png", ".trusty.png")  # for people; the masks lie beside them
ROWS = 256


def read_results(folder: str | Path, *, photos: Path | None = None) -> Iterator[Annotated]:
    """Images of a result folder with their masks or tags, in the order of their names.

    Args:
        folder: written by ``tagalign segment`` (palette PNG) or ``tagalign tag`` (Parquet), with its ``settings.json``.
        photos: folder of the photos; file names become relative to it. Without it they are relative to the folder
            that held all photos of the run; masks of older releases keep their own names.

    Raises:
        DataError: if the folder holds no results, a file of it cannot be read, or the photo of a result is missing, one
            of several, or of another size than its mask.
    """
    folder = Path(folder)
    names = result_names(folder)
    finder = PhotoNames(photos=photos, root=run_root(folder))
    parts = sorted(folder.rglob("*.parquet"))
    if parts:
        for part in parts:
            yield from _read_part(part, names, finder, part_sources(folder, part))
        return
    found = False
    instances = InstanceRows(folder, names)
    for source in named_sources(folder):
        path = folder / f"{source.name}.png"
        if path.exists():  # it failed, or its turn did not come
            found = True
            mask = instances.added(read_mask(path, names), source.key)
            yield replace(mask, file_name=finder.of(source, mask.size))
    for path in () if found else sorted(folder.glob("*.png")):
        if not path.name.endswith(PICTURES):
            found = True
            mask = read_mask(path, names)
            yield replace(mask, file_name=finder.of_mask(path, mask.size))
    if not found:
        raise DataError(f"{folder}: no masks (NAME.png) and no tags (*.parquet) here; give a result folder")


# --- palette PNG ----------------------------------------------------------------------------------------------------


def read_mask(path: Path, names: tuple[str, ...]) -> Annotated:
    """A palette PNG of ids; its name is the photo's until somebody knows better.

    Raises:
        DataError: if it cannot be read, or holds other ids.
    """
    try:
        with Image.open(path) as image:
            ids = np.asarray(image).astype(np.int64)
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as a mask ({error})") from error
    if ids.ndim != 2 or ids.max(initial=0) >= len(names):
        raise DataError(f"{path}: expected label ids 0 to {len(names) - 1}, got something else")
    size = (ids.shape[0], ids.shape[1])
    # a PNG keeps no scores: 1 says "chosen"
    found = Segmentation(labels=torch.from_numpy(ids), names=names, scores=torch.ones(size))
    return Annotated(file_name=path.name, size=size, segmentation=found)


# --- Parquet --------------------------------------------------------------------------------------------------------


def _read_part(
    path: Path, names: tuple[str, ...], finder: PhotoNames, sources: Mapping[str, PhotoSource]
) -> Iterator[Annotated]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                for row in batch.to_pylist():
                    yield read_row(row, names, finder, sources)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        if isinstance(error, TagalignError):
            raise
        raise DataError(f"{path}: not a part of a result ({type(error).__name__}: {error})") from error


def read_row(
    row: Mapping[str, Any], names: tuple[str, ...], finder: PhotoNames, sources: Mapping[str, PhotoSource]
) -> Annotated:
    """Masks or tags of a row of ``TAG_SCHEMA`` or ``MASK_SCHEMA``; named by its key where no sources are given."""
    size = (row["size"][0], row["size"][1])
    segmentation = _masks(row, names, size) if "counts" in row else None
    file_name = row["key"]
    if sources or finder.photos is not None:
        source = sources.get(row["key"]) or PhotoSource(path=path_of(row["key"]))
        file_name = finder.of(source, None if segmentation is None else size)
    if segmentation is not None:
        return Annotated(file_name=file_name, size=size, segmentation=segmentation)
    return Annotated(file_name=file_name, size=size, tagging=_tags(row, names))


def _masks(row: Mapping[str, Any], names: tuple[str, ...], size: tuple[int, int]) -> Segmentation:
    labels = torch.zeros(size, dtype=torch.int64)
    for label, code in zip(row["labels"], row["counts"], strict=True):
        labels[decode_rle(code, size)] = label
    found = Segmentation(labels=labels, names=names, scores=torch.ones(size))
    if "instance_counts" not in row:
        return found
    columns = (row[f"instance_{name}"] for name in ("labels", "scores", "boxes", "counts"))
    rows = [(i, s, b, c) for i, s, b, c in zip(*columns, strict=True)]
    return replace(found, instances=read_instances(rows, names, size))


def _tags(row: Mapping[str, Any], names: tuple[str, ...]) -> Tagging:
    ids = {name: i for i, name in enumerate(names)}
    return Tagging(names=names, scores=tuple(row["scores"]), chosen=tuple(ids[tag] for tag in row["tags"]))

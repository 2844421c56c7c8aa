"""Instances of a run, read back for the exporters: from the rows of JSON beside palette PNGs, or from Parquet."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tagalign.errors import DataError
from tagalign.export.records import Annotated
from tagalign.labels import Size
from tagalign.ops.masks import decode_rle
from tagalign.types import Instance

Stored = tuple[int, float, Iterable[int], bytes]
"""Label, score, box, and the run-length code of the mask at the size of the image."""


def read_instances(rows: Iterable[Stored], names: tuple[str, ...], size: Size) -> tuple[Instance, ...]:
    """The instances of one image.

    Raises:
        DataError: if a mask is damaged or belongs to another size.
    """
    made = []
    for label, score, (left, top, right, bottom), counts in rows:
        inside = decode_rle(counts, size)[top:bottom, left:right].clone()
        box = (left, top, right, bottom)
        made.append(Instance(label=label, name=names[label], score=score, box=box, inside=inside, size=size))
    return tuple(made)


class InstanceRows:
    """Where the row of each photo lies, for runs of palette PNGs: the places fit into memory, the masks would not.

    Args:
        folder: of the run.
        names: its labels.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.names = names
        self._places: dict[str, tuple[Path, int]] = {}
        for path in sorted((folder / "rows").glob("part-*.jsonl")):
            with path.open("rb") as file:
                place = 0
                for line in file:
                    row = _row(path, line)
                    if "instances" not in row:
                        return  # a run without them has none at all
                    self._places[str(row["path"])] = (path, place)
                    place += len(line)

    def added(self, image: Annotated, key: str) -> Annotated:
        """The image with its instances, where the run has any."""
        found = self._places.get(key)
        if found is None or image.segmentation is None:
            return image
        path, place = found
        with path.open("rb") as file:
            file.seek(place)
            row = _row(path, file.readline())
        try:
            stored = [
                (one["label"], one["score"], one["box"], one["counts"].encode()) for one in row["instances"]
            ]
            instances = read_instances(stored, self.names, image.size)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise DataError(f"{path}: the instances of {key} are damaged ({error!r})") from error
        return replace(image, segmentation=replace(image.segmentation, instances=instances))


def _row(path: Path, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); run the command again") from error
    if not isinstance(row, dict) or "path" not in row:
        raise DataError(f"{path}: expected one object per line with the path of its photo")
    return row

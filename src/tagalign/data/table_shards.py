"""Pairs in JSONL and Parquet files: one record per line or row, images by path or, in Parquet, as bytes."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.data.pair_records import BrokenPairError, Pair, ShardRef, checked_caption
from tagalign.errors import DataError

JSONL_PIECE = 16 << 20
"""Bytes of a JSONL file that make one shard; plain files are cut so that many workers can share one."""


def jsonl_pieces(path: Path) -> list[ShardRef]:
    """The shards of a JSONL file; a packed one cannot be entered in the middle and is one shard."""
    if path.suffix == ".gz":
        return [ShardRef(path=path, kind="jsonl")]
    size = path.stat().st_size
    starts = range(0, max(size, 1), JSONL_PIECE)
    return [ShardRef(path=path, kind="jsonl", start=s, end=min(s + JSONL_PIECE, size)) for s in starts]


def parquet_pieces(path: Path) -> list[ShardRef]:
    """The row groups of a Parquet file.

    Raises:
        DataError: if it is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            return [
                ShardRef(path=path, kind="parquet", start=i, end=i + 1) for i in range(file.num_row_groups)
            ]
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({error})") from error


class JsonlShard:
    """The records of a JSONL file that begin inside a range of bytes."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        try:
            self._lines = _packed_lines(ref.path) if ref.path.suffix == ".gz" else _lines(ref)
        except (OSError, EOFError) as error:
            raise DataError(f"{ref.path}: cannot be read ({error})") from error

    def __len__(self) -> int:
        return len(self._lines)

    def pair(self, number: int) -> Pair:
        """One record."""
        place = f"{self.path} (record {number + 1} of its piece)"
        try:
            record = json.loads(self._lines[number])
        except (ValueError, RecursionError):
            raise BrokenPairError("not JSON", place) from None
        return _pair(record, self.path.parent, place)


def _packed_lines(path: Path) -> list[bytes]:
    with gzip.open(path) as file:
        return [line for line in file if not line.isspace()]


def _lines(ref: ShardRef) -> list[bytes]:
    """Lines whose first byte lies in the range."""
    with ref.path.open("rb") as file:
        if ref.start:
            file.seek(ref.start - 1)
            file.readline()  # the rest of a line that began before, or the line break just before
        lines = []
        while file.tell() < ref.end:
            line = file.readline()
            if not line:
                break
            if not line.isspace():
                lines.append(line)
        return lines


class ParquetShard:
    """One row group of a Parquet file with the columns ``image`` and ``caption``, and ``key`` where there is one."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        try:
            with pq.ParquetFile(ref.path) as file:
                names = file.schema_arrow.names
                missing = {"image", "caption"} - set(names)
                if missing:
                    raise DataError(
                        f"{ref.path}: has no column {min(missing)!r}; it has {', '.join(names)[:200]}"
                    )
                columns = [name for name in ("key", "image", "caption") if name in names]
                self._table = file.read_row_group(ref.start, columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{ref.path}: cannot be read as Parquet ({error})") from error
        self._prefix = f"{ref.path.name.split('.')[0]}:{ref.start}"

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def pair(self, number: int) -> Pair:
        """One row."""
        record = {name: self._table[name][number].as_py() for name in self._table.column_names}
        image = record.get("image")
        if isinstance(image, dict):  # datasets' image type: the file's bytes, or its path
            record["image"] = image.get("bytes") or image.get("path")
        place = f"{self._prefix}:{number}"
        if not record.get("key") and isinstance(record["image"], bytes):
            record["key"] = place
        return _pair(record, self.path.parent, place)


def _pair(record: Any, folder: Path, place: str) -> Pair:
    if not isinstance(record, dict):
        raise BrokenPairError("not a record", place)
    caption = checked_caption(record.get("caption"), place)
    image = record.get("image")
    if not isinstance(image, (str, bytes)) or not image:
        raise BrokenPairError("no image", place)
    key = record.get("key") or image
    if isinstance(image, str):
        return Pair(key=str(key), image=folder / image, caption=caption)
    return Pair(key=str(key), image=image, caption=caption)

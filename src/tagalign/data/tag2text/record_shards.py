"""Records of one file, streamed: row groups of Parquet are read one by one, a JSON list is first copied into such a file.

A JSON list cannot be entered in its middle, and a Parquet file may be one row group of a million rows; of both a copy with
small groups is made once, beside the run, piece by piece.
"""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.atomic import atomic_write
from tagalign.data.pair_records import BrokenPairError, Pair, ShardRef
from tagalign.data.tag2text.records import PIECE, SCHEMA, TaggedRecord, checked_row, iter_rows, record_of
from tagalign.errors import DataError
from tagalign.json_text import json_text
from tagalign.tags.captions import BadRow, ReadRow
from tagalign.tags.captions.rows import CaptionRow, bad_row

KIND = "records"
"""Of the refs of this file, see ``ShardRef``."""

SOURCE = b"tagalign_source"
COPY = "records.parquet"
LARGEST_GROUP = 4 * PIECE
"""Rows of a row group that is read where it lies; four of them are open at a time."""


def record_refs(path: Path, *, num_tags: int, kept: Path) -> list[ShardRef]:
    """The shards of a file of records.

    Args:
        path: ``.json`` of the release, or ``.parquet``.
        num_tags: length of the tag list; every id of a copy is checked once.
        kept: folder of a copy, where one is needed; a copy of the same file is taken again.

    Raises:
        DataError: naming the record and what is wrong with it.
    """
    if path.suffix != ".json" and _largest_group(path) <= LARGEST_GROUP:
        return _groups(path)
    copy, source = kept / COPY, _source(path)
    if not _is_copy(copy, source):
        _write_copy(path, copy, num_tags=num_tags, source=source)
    return _groups(copy)


def _largest_group(path: Path) -> int:
    try:
        found = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a Parquet file ({error})") from error
    return max((found.row_group(i).num_rows for i in range(found.num_row_groups)), default=0)


def _groups(path: Path) -> list[ShardRef]:
    count = pq.read_metadata(path).num_row_groups
    if not count:
        raise DataError(f"{path}: no record in it")
    return [ShardRef(path=path, kind=KIND, start=i, end=i + 1) for i in range(count)]


def _source(path: Path) -> dict[str, Any]:
    """What tells whether a copy is still one; photos are looked for beside the source."""
    facts = path.stat()
    return {
        "folder": str(path.parent.resolve()),
        "name": path.name,
        "size": facts.st_size,
        "mtime": facts.st_mtime_ns,
    }


def _is_copy(copy: Path, source: dict[str, Any]) -> bool:
    try:
        stored = (pq.read_schema(copy).metadata or {}).get(SOURCE)
        return stored is not None and json.loads(stored) == source
    except (OSError, pa.ArrowException, ValueError):
        return False


def _write_copy(path: Path, copy: Path, *, num_tags: int, source: dict[str, Any]) -> None:
    schema = SCHEMA.with_metadata({SOURCE: json_text(source).encode()})
    rows = (checked_row(row, f"{path}: record {i}", num_tags) for i, row in enumerate(iter_rows(path)))
    with atomic_write(copy) as temp, pq.ParquetWriter(temp, schema) as writer:
        while piece := list(islice(rows, PIECE)):
            writer.write_table(pa.Table.from_pylist(piece, schema=schema))


class RecordsShard:
    """One row group of a file of records.

    Raises:
        DataError: if it cannot be read, or a column is missing.
    """

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        try:
            with pq.ParquetFile(ref.path) as file:
                names = file.schema_arrow.names
                if missing := {"key", "image", "captions", "tags"} - set(names):
                    raise DataError(f"{ref.path}: the columns {', '.join(sorted(missing))} are missing")
                stored = (file.schema_arrow.metadata or {}).get(SOURCE)
                columns = [name for name in SCHEMA.names if name in names]
                self._table = file.read_row_group(ref.start, columns=columns)
                self._first = sum(file.metadata.row_group(i).num_rows for i in range(ref.start))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{ref.path}: cannot be read as Parquet ({error})") from error
        self.folder = ref.path.parent if stored is None else Path(json.loads(stored)["folder"])

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def record(self, number: int, num_tags: int) -> TaggedRecord:
        """One record.

        Raises:
            DataError: if its captions and tags are not parallel, or an id is outside of the list.
        """
        row = {"union_tags": None, **self._table.slice(number, 1).to_pylist()[0]}
        return record_of(checked_row(row, f"{self.path}: record {self._first + number}", num_tags))

    def row(self, number: int) -> ReadRow:
        """Key and first caption of one record."""
        row = self._table.slice(number, 1).to_pylist()[0]
        if not row["captions"]:
            place = f"{self.path}: record {self._first + number}"
            return bad_row(place, f"{place} has no caption", "no caption")
        return CaptionRow(row["key"], row["captions"][0], row["image"])

    def pair(self, number: int) -> Pair:
        """One record with its first caption."""
        row = self.row(number)
        if isinstance(row, BadRow):
            raise BrokenPairError(row.reason, row.message)
        return Pair(key=row.key, image=self.folder / str(row.image), caption=row.caption)

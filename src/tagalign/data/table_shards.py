"""Pairs in JSONL, CSV, TSV, Parquet and JSON documents; images by path or, in Parquet, as bytes."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.data.pair_records import Pair, ShardRef, pair_of
from tagalign.errors import DataError
from tagalign.tags.captions import ReadRow, RowRule
from tagalign.tags.captions.documents import document_rows
from tagalign.tags.captions.lines import json_line, refuse_document
from tagalign.tags.captions.parquet import caption_columns
from tagalign.tags.captions.rows import IMAGE, find_field
from tagalign.tags.captions.tables import TableHead, read_head, table_rows
from tagalign.tags.text_files import can_be_cut, decode_line, refuse_foreign, text_lines

PIECE = 16 << 20
"""Bytes of a text file that make one shard; plain files are cut so that many workers can share one."""


def line_pieces(path: Path, kind: str) -> list[ShardRef]:
    """The shards of a file with a record per line; a packed one cannot be entered in the middle and is one shard."""
    if not can_be_cut(path):
        return [ShardRef(path=path, kind=kind)]
    size = path.stat().st_size
    starts = range(0, max(size, 1), PIECE)
    return [ShardRef(path=path, kind=kind, start=s, end=min(s + PIECE, size)) for s in starts]


def csv_pieces(path: Path) -> list[ShardRef]:
    """The shards of a CSV file, cut where records begin: a large one is read through once to find those places.

    Raises:
        DataError: if its header lacks a column.
    """
    size = path.stat().st_size
    if size <= PIECE or not can_be_cut(path):
        return [ShardRef(path=path, kind="csv", end=size if can_be_cut(path) else -1)]
    starts = [0]
    for start in _record_starts(path):
        if start >= starts[-1] + PIECE:
            starts.append(start)
    return [
        ShardRef(path=path, kind="csv", start=s, end=e)
        for s, e in zip(starts, [*starts[1:], size], strict=True)
    ]


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


def _record_starts(path: Path) -> Iterator[int]:
    """First byte of every record of a CSV file."""
    rule, seen = RowRule.of(path), deque[tuple[int, int]]()

    def lines() -> Iterator[str]:
        place = 0
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                seen.append((number, place))
                place += len(raw)
                yield decode_line(raw)

    head, rest = read_head(path, lines(), rule, quotes=True)
    for number, _ in table_rows(rest, head, rule, first=head.lines + 1):
        while seen[0][0] < number:
            seen.popleft()
        yield seen[0][1]


class JsonlShard:
    """The records of a JSONL file that begin inside a range of bytes."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        self._rule = RowRule.of(ref.path)
        self._lines = [line for line in _lines(ref) if not line.isspace()]
        if self._lines and not ref.start:
            refuse_document(ref.path, _text(self._lines[0]))

    def __len__(self) -> int:
        return len(self._lines)

    def _place(self, number: int) -> str:
        return f"{self.path} (record {number + 1} of its piece)"

    def row(self, number: int) -> ReadRow:
        """Key and caption of one record."""
        return json_line(_text(self._lines[number]), self._rule, self._place(number))

    def pair(self, number: int) -> Pair:
        """One record."""
        return pair_of(self.row(number), self._place(number), self.path.parent)


def _text(line: bytes | str) -> str:
    return decode_line(line) if isinstance(line, bytes) else line


def _lines(ref: ShardRef) -> list[bytes] | list[str]:
    """Lines whose first byte lies in the range.

    Raises:
        DataError: if the file cannot be read.
    """
    try:
        if ref.end < 0:
            return list(text_lines(ref.path))
        with ref.path.open("rb") as file:
            if not ref.start:
                refuse_foreign(ref.path, file.peek())
            else:
                file.seek(ref.start - 1)
                file.readline()  # the rest of a line that began before, or the line break just before
            lines = list[bytes]()
            while file.tell() < ref.end and (line := file.readline()):
                lines.append(line)
            return lines
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{ref.path}: cannot be read ({error})") from error


class TableShard:
    """The rows of a piece of a CSV or TSV file; the images are paths."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        rule, quotes = RowRule.of(ref.path), ref.kind == "csv"
        try:
            head, _ = read_head(ref.path, text_lines(ref.path), rule, quotes=quotes)
        except (OSError, EOFError) as error:
            raise DataError(f"{ref.path}: cannot be read ({error})") from error
        if find_field(head.names or (), IMAGE) is None and head.names:
            raise DataError(f"{ref.path}: has no column 'image'; it has {', '.join(head.names)[:200]}")
        self._rows = list(_table_rows(ref, head, rule))

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int) -> ReadRow:
        """Key and caption of one row."""
        return self._rows[number][1]

    def pair(self, number: int) -> Pair:
        """One row."""
        line, row = self._rows[number]
        return pair_of(row, f"{self.path} (line {line} of its piece)", self.path.parent)


def _table_rows(ref: ShardRef, head: TableHead, rule: RowRule) -> Iterator[tuple[int, ReadRow]]:
    lines = _lines(ref)[0 if ref.start else head.lines :]
    return table_rows(map(_text, lines), head, rule, first=1 if ref.start else head.lines + 1)


class DocumentShard:
    """The captions of a JSON document (COCO, lists of records) whose images lie beside it."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        try:
            self._rows = list(document_rows(ref.path, RowRule.of(ref.path)))
        except OSError as error:
            raise DataError(f"{ref.path}: cannot be read ({error})") from error

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int) -> ReadRow:
        """Key and caption of one record."""
        return self._rows[number]

    def pair(self, number: int) -> Pair:
        """One record."""
        return pair_of(self._rows[number], f"{self.path} (record {number + 1})", self.path.parent)


class ParquetShard:
    """One row group of a Parquet file with the columns ``image`` and ``caption``, and ``key`` where there is one."""

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        self._rule = RowRule.of(ref.path)
        try:
            with pq.ParquetFile(ref.path) as file:
                names = tuple(file.schema_arrow.names)
                image = find_field(names, IMAGE)
                if image is None:
                    raise DataError(f"{ref.path}: has no column 'image'; it has {', '.join(names)[:200]}")
                columns = {*caption_columns(ref.path, file.schema_arrow, self._rule), image}
                self._table = file.read_row_group(ref.start, columns=sorted(columns))
                self._first = 1 + sum(file.metadata.row_group(i).num_rows for i in range(ref.start))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{ref.path}: cannot be read as Parquet ({error})") from error

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def row(self, number: int) -> ReadRow:
        """Key, caption and image of one row."""
        record = {name: self._table[name][number].as_py() for name in self._table.column_names}
        return self._rule.row(record, self._first + number)

    def pair(self, number: int) -> Pair:
        """One row."""
        return pair_of(self.row(number), f"{self.path}:{self._first + number}", self.path.parent)

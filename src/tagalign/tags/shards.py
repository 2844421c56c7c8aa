"""Tag rows on disk: Parquet or JSONL shards with the columns of ``docs/formats.md``, written in pieces, read in pieces."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.errors import DataError
from tagalign.json_text import json_text
from tagalign.tags.captions.rows import key_text
from tagalign.tags.parses import ParsedCaption

_NAMES = pa.list_(pa.string())
_PAIR = pa.struct([("object", pa.string()), ("attribute", pa.string())])
_RELATION = pa.struct([("subject", pa.string()), ("relation", pa.string()), ("object", pa.string())])

FIELDS: dict[str, Any] = {
    "objects": _NAMES,
    "attributes": _NAMES,
    "pairs": pa.list_(_PAIR),
    "scenes": _NAMES,
    "actions": _NAMES,
    "relations": pa.list_(_RELATION),
}
"""Columns after ``key`` and ``caption``, with their types; only those that the parser gives are written."""

FORMATS = ("parquet", "jsonl")


@dataclass(frozen=True, slots=True)
class TagRow:
    """One line of a tag shard."""

    key: str
    caption: str
    parse: ParsedCaption


def tag_schema(fields: Sequence[str]) -> Any:
    """The Arrow schema of tag rows with these fields of ``ParsedCaption``."""
    return pa.schema([("key", pa.string()), ("caption", pa.string()), *((f, FIELDS[f]) for f in fields)])


def to_batch(
    keys: Sequence[str], captions: Sequence[str], parses: Sequence[ParsedCaption], fields: Sequence[str]
) -> Any:
    """Tag rows as one Arrow record batch; built from flat lists, several times faster than from dictionaries."""
    columns = [pa.array(keys, pa.string()), pa.array(captions, pa.string())]
    columns += [_list_column([getattr(parse, field) for parse in parses], FIELDS[field]) for field in fields]
    return pa.RecordBatch.from_arrays(columns, schema=tag_schema(fields))


def _list_column(rows: Sequence[tuple[Any, ...]], kind: Any) -> Any:
    offsets = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    flat = list(itertools.chain.from_iterable(rows))
    if kind is _NAMES:
        values = pa.array(flat, pa.string())
    else:
        names = [kind.value_type.field(i).name for i in range(kind.value_type.num_fields)]
        parts = list(zip(*flat, strict=True)) if flat else [()] * len(names)
        values = pa.StructArray.from_arrays([pa.array(part, pa.string()) for part in parts], names=names)
    return pa.ListArray.from_arrays(pa.array(offsets), values).cast(kind)


@runtime_checkable
class BatchWriter(Protocol):
    """Takes record batches until it is closed."""

    def write_batch(self, batch: Any) -> None:
        """Append a batch."""
        ...

    def __enter__(self) -> "BatchWriter": ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_writer(path: Path, fields: Sequence[str], *, format: str) -> BatchWriter:
    """A writer of tag rows in one of ``FORMATS``."""
    return _WRITERS[format](path, fields)


class _JsonlWriter:
    def __init__(self, path: Path, fields: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write_batch(self, batch: Any) -> None:
        self._file.writelines(json_text(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())

    def __enter__(self) -> "_JsonlWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


_WRITERS: dict[str, Callable[[Path, Sequence[str]], BatchWriter]] = {
    "parquet": lambda path, fields: pq.ParquetWriter(path, tag_schema(fields), compression="zstd"),
    "jsonl": _JsonlWriter,
}


def shard_paths(place: str | Path) -> list[Path]:
    """The tag shards of a folder, sorted by name, or the one file.

    Raises:
        DataError: if there are none.
    """
    place = Path(place)
    if place.is_dir():
        paths = [
            *place.glob("*.parquet"),
            *(p for p in place.glob("*.jsonl") if not p.name.endswith("errors.jsonl")),
        ]
    else:
        paths = [place] if place.is_file() else []
    if not paths:
        raise DataError(f"{place} holds no tag shards (*.parquet or *.jsonl); make them with tagalign parse")
    return sorted(paths)


def read_batches(path: Path, *, columns: Sequence[str] | None = None, size: int = 16_384) -> Iterator[Any]:
    """Stream a tag shard as Arrow record batches.

    Args:
        path: Parquet or JSONL.
        columns: which ones; those the shard does not have are left out. All by default.
        size: rows of a batch.

    Raises:
        DataError: if the file cannot be read or has no ``objects`` column.
    """
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                names = file.schema_arrow.names
                _check_columns(path, names)
                wanted = [name for name in (columns or names) if name in names]
                yield from file.iter_batches(batch_size=size, columns=wanted)
        else:
            yield from _read_jsonl(path, columns, size)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise DataError(f"cannot read the tag shard {path}: {error}") from error


def _read_jsonl(path: Path, columns: Sequence[str] | None, size: int) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        for chunk in iter(lambda: list(itertools.islice(lines, size)), []):
            records = [json.loads(line) for line in chunk if not line.isspace()]
            if not all(isinstance(record, dict) for record in records):
                raise DataError(f"{path}: every line must be an object")
            records = [_plain(record) for record in records]
            for record in records:
                if "key" in record and not isinstance(record["key"], str):
                    record["key"] = key_text(record["key"])
            names = [n for n in ("key", "caption", *FIELDS) if any(n in record for record in records)]
            _check_columns(path, names)
            schema = pa.schema([(n, FIELDS.get(n, pa.string())) for n in names if n in (columns or names)])
            yield pa.RecordBatch.from_pylist(records, schema=schema)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Pairs may also stand as two-element lists, and in the place of the attributes, as in other tools' files.

    Counts ("two dogs") that such a file also lists as quantities are no attributes.
    """
    attributes = record.get("attributes") or []
    if any(isinstance(item, list) for item in attributes):
        counts = [item[-1] for item in record.get("quantities") or () if isinstance(item, list) and item]
        attributes = [item for item in attributes if not (isinstance(item, list) and item[-1] in counts)]
        pairs = [item for item in attributes if isinstance(item, list)]
        names = [item[-1] if isinstance(item, list) else item for item in attributes]
        record = {"pairs": pairs, **record, "attributes": list(dict.fromkeys(names))}
    keys = {"pairs": ("object", "attribute"), "relations": ("subject", "relation", "object")}
    changed = {
        field: [
            dict(zip(names, item, strict=True)) if isinstance(item, list) else item for item in record[field]
        ]
        for field, names in keys.items()
        if record.get(field)
    }
    return {**record, **changed}


def _check_columns(path: Path, names: Iterable[str]) -> None:
    if "objects" not in names:
        raise DataError(f"{path} has no column 'objects'; is it an output of tagalign parse?")


def read_rows(path: Path) -> Iterator[TagRow]:
    """Stream a tag shard as rows.

    Raises:
        DataError: if the file cannot be read.
    """
    for batch in read_batches(path):
        for record in batch.to_pylist():
            yield TagRow(key_text(record.get("key")) or "", record.get("caption") or "", _parse_of(record))


def _parse_of(record: dict[str, Any]) -> ParsedCaption:
    names: dict[str, Any] = {
        f: tuple(record.get(f) or ()) for f in ("objects", "attributes", "scenes", "actions")
    }
    pairs = tuple((p["object"], p["attribute"]) for p in record.get("pairs") or ())
    relations = tuple((r["subject"], r["relation"], r["object"]) for r in record.get("relations") or ())
    return ParsedCaption(**names, pairs=pairs, relations=relations)

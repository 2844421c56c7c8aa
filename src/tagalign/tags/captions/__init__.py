"""Caption files to rows: JSONL, CSV, TSV, TXT, Parquet, WebDataset tars, JSON documents, compressed or not.

Nothing is held in memory but the current row (and a JSON document). A row that cannot be used becomes a ``BadRow``; a
file that cannot be read at all raises.
"""

import contextlib
import csv
import gzip
import io
import json
import lzma
import tarfile
from bz2 import BZ2File
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from tagalign.errors import DataError, InputError
from tagalign.tags.captions.documents import json_records

MAX_CAPTION = 10_000  # characters; a longer field is a broken line or a whole page, not a caption


class CaptionRow(NamedTuple):
    """One caption and the key that joins its tags with its image."""

    key: str
    caption: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A place in a file that gave no caption, and why."""

    place: str
    message: str


Row = CaptionRow | BadRow


def read_captions(
    path: str | Path, *, caption_column: str = "caption", key_column: str = "key"
) -> Iterator[Row]:
    """Streams the captions of one file.

    Args:
        path: a file with one of the endings of ``READERS``, plus ``.gz``, ``.bz2``, ``.xz`` or ``.zst``.
        caption_column: name of the field; for CSV and TSV without a header line its number, from 0.
        key_column: likewise. A row without it gets its ``image`` field, else ``STEM:LINE``.

    Yields:
        A ``CaptionRow`` or a ``BadRow``, in the order of the file.

    Raises:
        InputError: if the ending is not known.
        DataError: if the file cannot be opened, is cut off, or lacks the caption column.
    """
    path = Path(path)
    ending, _ = _endings(path)
    columns = _Columns(caption_column, key_column, path.name.split(".")[0])
    try:
        yield from READERS[ending](path, columns)
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Columns:
    caption: str
    key: str
    stem: str

    def row(self, record: Any, place: str) -> Row:
        """A row of a record that came as a mapping."""
        if type(record) is not dict and not isinstance(record, Mapping):  # the first is much faster
            return BadRow(
                place, f"expected an object with a {self.caption!r} field, got {type(record).__name__}"
            )
        caption = record.get(self.caption)
        if not isinstance(caption, str):
            return BadRow(
                place, f"no text in {self.caption!r}; the record has {', '.join(map(str, record))[:200]}"
            )
        key = record.get(self.key) or record.get("image")
        return _checked(key if isinstance(key, str) else f"{self.stem}:{place}", caption, place)


def _checked(key: str, caption: str, place: str) -> Row:
    if len(caption) > MAX_CAPTION:
        return BadRow(place, f"{len(caption)} characters are no caption (at most {MAX_CAPTION})")
    return CaptionRow(key, caption)


def _open(path: Path) -> Any:  # five classes without a common one
    """The file as bytes, unpacked on the way."""
    packing = _endings(path)[1]
    if packing == ".zst":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": BZ2File, ".xz": lzma.open}
    opener: Callable[[Path], Any] = openers.get(packing, lambda p: p.open("rb"))
    return opener(path)


@contextlib.contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    # utf-8-sig: files from spreadsheets begin with a byte order mark; a broken byte costs one letter, not the file
    with (
        _open(path) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        yield text


def _jsonl(path: Path, columns: _Columns) -> Iterator[Row]:
    decode = json.JSONDecoder().decode  # what json.loads comes to, without asking each time
    with _text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            try:
                record = decode(line)
            except (ValueError, RecursionError) as error:
                yield BadRow(str(number), f"not JSON: {error}")
            else:
                yield columns.row(record, str(number))


def _txt(path: Path, columns: _Columns) -> Iterator[Row]:
    with _text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if caption := line.strip():
                yield _checked(f"{columns.stem}:{number}", caption, str(number))


def _table(delimiter: str) -> Callable[[Path, _Columns], Iterator[Row]]:
    def read(path: Path, columns: _Columns) -> Iterator[Row]:
        with _text(path) as lines:
            rows = csv.reader(lines, delimiter=delimiter)
            if columns.caption.isdecimal():
                names: list[str] | None = None
            else:
                names = next(rows, [])
                if names and columns.caption not in names:
                    raise DataError(
                        f"{path} has the columns {', '.join(names)[:200]}; name the one with the captions "
                        "(or give its number, from 0, for a file without a header line)"
                    )
            for cells in rows:
                record = dict(zip(names or map(str, range(len(cells))), cells, strict=False))
                if cells:
                    yield columns.row(record, str(rows.line_num))

    return read


def _parquet(path: Path, columns: _Columns) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if columns.caption not in names:
                raise DataError(
                    f"{path} has the columns {', '.join(names)[:200]}; name the one with the captions"
                )
            wanted = [columns.caption, *_text_columns(file.schema_arrow, (columns.key, "image"))]
            number = 0
            for batch in file.iter_batches(batch_size=4096, columns=wanted):
                for record in batch.to_pylist():
                    number += 1
                    yield columns.row(record, str(number))
    except pa.ArrowException as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _text_columns(schema: Any, names: tuple[str, ...]) -> list[str]:
    """Those of ``names`` that hold text; an image column may hold the encoded file."""
    return [n for n in names if n in schema.names and str(schema.field(n).type) in ("string", "large_string")]


def _tar(path: Path, columns: _Columns) -> Iterator[Row]:
    """Members ``KEY.txt`` or, without one, the caption of ``KEY.json``; a sample's members stand together."""
    key, sample = "", dict[str, bytes]()
    with _open(path) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        for member in tar:
            folder, _, name = member.name.rpartition("/")
            stem, _, ending = name.partition(".")
            member_key = f"{folder}/{stem}" if folder else stem
            if member_key != key:
                yield from _sample(key, sample, columns)
                key, sample = member_key, {}
            if ending in ("txt", "json") and member.isfile():
                content = tar.extractfile(member)
                sample[ending] = content.read(1 << 20) if content else b""
    yield from _sample(key, sample, columns)


def _sample(key: str, sample: dict[str, bytes], columns: _Columns) -> Iterator[Row]:
    if "txt" in sample:
        yield _checked(key, sample["txt"].decode("utf-8", errors="replace").strip(), key)
    elif "json" in sample:
        try:
            record = json.loads(sample["json"])
        except (ValueError, RecursionError) as error:
            yield BadRow(key, f"not JSON: {error}")
        else:
            yield columns.row({**record, columns.key: key} if isinstance(record, dict) else record, key)


def _json(path: Path, columns: _Columns) -> Iterator[Row]:
    """One document, held in memory: COCO's captions are 90 MB."""
    with _text(path) as text:
        try:
            document = json.load(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not JSON: {error}; lines of JSON end in .jsonl") from error
    try:
        for record, place in json_records(document, caption=columns.caption, key=columns.key):
            yield columns.row(record, place)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


READERS: dict[str, Callable[[Path, _Columns], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".txt": _txt,
    ".parquet": _parquet,
    ".tar": _tar,
}
_PACKINGS = (".gz", ".bz2", ".xz", ".zst")
_SHORT = {".tgz": (".tar", ".gz"), ".txz": (".tar", ".xz"), ".tbz2": (".tar", ".bz2")}


def _endings(path: Path) -> tuple[str, str]:
    """File type and packing: ``a.jsonl.gz`` gives ``(".jsonl", ".gz")``."""
    if path.suffix.lower() in _SHORT:
        return _SHORT[path.suffix.lower()]
    packing = path.suffix.lower() if path.suffix.lower() in _PACKINGS else ""
    ending = (Path(path.stem) if packing else path).suffix.lower()
    if ending not in READERS:
        raise InputError(
            f"{path}: cannot tell what this file holds; expected an ending of {', '.join(READERS)}"
        )
    return ending, packing


def is_caption_file(path: Path) -> bool:
    """Whether a file in a folder is read; a .json is more often settings than captions, so it must be named."""
    try:
        return _endings(path)[0] != ".json"
    except InputError:
        return False

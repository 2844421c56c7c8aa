"""Tables of tags, as ``tagalign export table`` and ``tagalign tag`` write them and as people change them in a spreadsheet.

CSV has a line per photo and tag (``image,tag,score``), or one per photo with the tags between bars (``key,tags``); Parquet
has a list per photo. A tag with a score was suggested by a model, one without was written by a person; a line without a tag
says that the photo has none.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.reader import AnnotationSource, silent_photos
from tagalign.data.annotations.records import MarkedPhoto
from tagalign.data.annotations.spool import Spool
from tagalign.errors import DataError
from tagalign.tags.cells import text_of_cell
from tagalign.tags.text_files import PACKINGS, UNPACKING_ERRORS, text_lines
from tagalign.tasks.photos.keys import path_of

PHOTO_COLUMNS = ("image", "key", "photo", "path", "file_name")
TAG_COLUMNS = ("tags", "tag")
SEPARATORS = ",;\t"
"""Of cells; spreadsheets of many countries write a semicolon."""
BAR = "|"
ENDINGS = (".csv", ".tsv", ".parquet")
ROWS_AT_A_TIME = 10_000
NamedTags = tuple[str, list[tuple[str, bool]]]
"""The name of a photo, and tags with whether a model gave them a score."""


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    spool = Spool()
    try:
        for name, row in _rows(source.path):
            if not name:
                source.told.say("left out: lines without a photo", "", ", ".join(tag for tag, _ in row))
                continue
            spool.add(name, row)
        for name in spool:
            found = [pair for row in spool.rows(name) for pair in row]
            tags = tuple(dict.fromkeys(tag for tag, _ in found))
            source.knows(tags)
            given = tuple(dict.fromkeys(tag for tag, is_given in found if is_given))
            yield MarkedPhoto(name=name, tags=tags, given=given)
        yield from silent_photos(source, spool)
    finally:
        spool.close()


def _rows(path: Path) -> Iterator[NamedTags]:
    """The rows.

    Raises:
        DataError: if it is no table, or one without the columns.
    """
    try:
        yield from _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    except (*UNPACKING_ERRORS, csv.Error, pa.ArrowException, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise DataError(f"{path}: expected a table of tags, could not read it ({reason})") from error


def _csv_rows(path: Path) -> Iterator[NamedTags]:
    lines = text_lines(path)
    head = next(lines, "")
    separator = max(SEPARATORS, key=head.count)
    columns = [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
    photo, tag = _columns(path, columns)
    score = columns.index("score") if "score" in columns else None
    for row in csv.reader(lines, delimiter=separator, strict=True):
        if not row:
            continue
        if len(row) <= max(photo, tag):
            raise DataError(f"a line of {len(row)} cells: {', '.join(row)[:80]!r}")
        is_given = columns[tag] == "tags" or (score is not None and "".join(row[score : score + 1]) != "")
        text = text_of_cell(row[tag]).strip()
        texts = text.split(BAR) if columns[tag] == "tags" else [text]
        name = row[photo].strip()
        yield (
            path_of(name) if columns[photo] == "key" else name,
            [(one.strip(), is_given) for one in texts if one.strip()],
        )


def _parquet_rows(path: Path) -> Iterator[NamedTags]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        photo, tag = (names[place] for place in _columns(path, names))
        for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME, columns=[photo, tag]):
            for row in batch.to_pylist():
                name, tags = row[photo] or "", row[tag] or []
                tags = [tags] if isinstance(tags, str) else tags
                if not isinstance(name, str) or not all(isinstance(one, str) for one in tags):
                    raise TypeError(f"expected texts in {photo} and {tag}, got {row!r:.80}")
                name = path_of(name) if photo == "key" else name
                yield name, [(one.strip(), True) for one in tags if one.strip()]


def _columns(path: Path, names: Iterable[str]) -> tuple[int, int]:
    """The places of the photo and of the tags."""
    found = [name.strip() for name in names]
    photo = next((found.index(name) for name in PHOTO_COLUMNS if name in found), None)
    tag = next((found.index(name) for name in TAG_COLUMNS if name in found), None)
    if photo is None or tag is None:
        raise DataError(
            f"{path}: expected columns image and tag (or key and tags), got {', '.join(found)[:80] or 'none'}"
        )
    return photo, tag


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    name = path.name.lower()
    plain = next((name.removesuffix(one) for one in PACKINGS if name.endswith(one)), name)
    return plain.endswith(ENDINGS) and path.is_file()


READERS.add(
    "table",
    ReaderEntry(
        summary="a table of tags (.csv or .parquet with columns image and tag)",
        looks_like=looks_like,
        read=read,
        photos=("images", "photos", "."),
    ),
)

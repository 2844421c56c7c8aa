"""Where the rows of a run stand: one file per part while it runs, Parquet or JSON lines."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tagalign.atomic import atomic_write
from tagalign.json_text import json_text
from tagalign.tasks.photos.rows import INSTANCE_SCHEMA, MASK_SCHEMA, TAG_SCHEMA, count_rows, write_rows

AnswerRow = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The form of a run's rows.

    Attributes:
        folder: of the parts, inside the folder of the results.
        schema: of Parquet parts; None for JSON lines.
        merged: name of the file that holds all rows when the run is done, without its ending; empty for none.
    """

    folder: str
    schema: pa.Schema | None = None
    merged: str = ""

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders that parts are written to."""
        return (self.folder,)

    @property
    def ending(self) -> str:
        """Of the parts."""
        return ".jsonl" if self.schema is None else ".parquet"

    def write(self, path: Path, rows: Sequence[AnswerRow]) -> None:
        """Write a part; it appears whole or not at all."""
        if self.schema is None:
            write_lines(path, rows)
        else:
            write_rows(path, rows, self.schema)

    def count(self, paths: Iterable[Path]) -> int:
        """Rows of parts."""
        return sum(map(count_lines, paths)) if self.schema is None else count_rows(paths)


TAGS = Table(folder="tags", schema=TAG_SCHEMA)
SCORES = Table(folder="scores", schema=TAG_SCHEMA)
MASKS = Table(folder="masks", schema=MASK_SCHEMA)
INSTANCES = Table(folder="masks", schema=INSTANCE_SCHEMA)
MASK_FILES = Table(folder="rows", merged="masks")
REGIONS = Table(folder="rows", merged="regions")
CAPTIONS = Table(folder="rows", merged="captions")
ANSWERS = Table(folder="rows", merged="answers")


def write_lines(path: Path, rows: Iterable[AnswerRow]) -> None:
    """Write JSON lines; the file appears whole or not at all."""
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json_text(row, ensure_ascii=False) + "\n")


def read_lines(path: Path) -> Iterator[AnswerRow]:
    """Rows of a file of JSON lines."""
    with path.open("rb") as file:
        yield from map(json.loads, file)


def count_lines(path: Path) -> int:
    """Rows of a file of JSON lines."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def merge(paths: Sequence[Path], merged: Path) -> Path | None:
    """All lines of some files in one; an older one is removed where there are none."""
    if not paths:
        merged.unlink(missing_ok=True)
        return None
    with atomic_write(merged) as temp, temp.open("wb") as file:
        for path in paths:
            file.write(path.read_bytes())
    return merged

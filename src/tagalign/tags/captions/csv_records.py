"""Records of CSV, one or several lines long; one whose quotes are broken costs itself alone.

Everything is told from the lines of a record themselves, never from those before, so that pieces of a file that are cut
where records begin hold what the whole file holds.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagalign.tags.captions.rows import MAX_CAPTION, photo_endings

_HEX = re.compile(r"[0-9a-fA-F-]{12,}")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
_MAX_RECORD = 1 << 20  # characters that an open quote may take in

CsvRecord = tuple[int, Sequence[str] | None]
"""Number of the first line, cells (None for a broken record)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvForm:
    """How a CSV file is written.

    Attributes:
        delimiter: between cells.
        width: number of cells; None where it is not known.
        named: columns with keys and images, or all but the captions where there are none.
        skips_blanks: whether a blank behind a delimiter belongs to no cell, as people write lists.
    """

    delimiter: str
    width: int | None
    named: tuple[int, ...] = ()
    skips_blanks: bool = False


class _Feed:
    """Lines for ``csv.reader``, which remembers those that it took for a record, so that they can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting = deque[str]()
        self.taken = list[str]()
        self.size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.size >= _MAX_RECORD:
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.taken.append(line)
        self.size += len(line)
        return line

    def keep_first(self) -> None:
        """Keep the first line of a record; the others are read again."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def csv_records(lines: Iterator[str], form: CsvForm, first: int) -> Iterator[CsvRecord]:
    """The records of these lines, each with the number of its first line.

    Args:
        lines: from the beginning of a record on.
        form: how they are written.
        first: number of the first line.
    """
    feed, number = _Feed(lines), first
    reader = csv.reader(feed, delimiter=form.delimiter, skipinitialspace=form.skips_blanks, strict=True)
    while True:
        feed.taken, feed.size = [], 0
        cells: Sequence[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        taken = feed.taken
        if cells is None or (len(taken) > 1 and _swallows(cells, taken, form)):
            feed.keep_first()
            cells = _by_itself(taken[0], form)
        yield number, cells
        number += len(taken)


def _swallows(cells: Sequence[str], taken: Sequence[str], form: CsvForm) -> bool:
    """Whether a record of several lines took in others.

    Its cells are not as many as the header's, or each of its lines looks like a record of its own, or one cell is longer
    than a caption and many lines have as many delimiters as a record.
    """
    if form.width is None:
        return False
    if len(cells) != form.width:
        return True
    split = [line.rstrip("\r\n").split(form.delimiter) for line in taken]
    whole = [line for line in split if len(line) == form.width]
    if max(map(len, cells)) > MAX_CAPTION:
        return 2 * len(whole) >= len(split)
    shapes = [_shape(cells[column]) for column in form.named]
    return (
        bool(shapes)
        and len(whole) == len(split)
        and all([_shape(line[column]) for column in form.named] == shapes for line in whole)
    )


def _shape(cell: str) -> str:
    """What keys, addresses and paths of one data set have in common, and lines of a text do not."""
    if "://" in cell:
        return "address"
    if cell.rpartition(".")[2].lower() in photo_endings():
        return "photo"
    if _HEX.fullmatch(cell):
        return "hash"
    return _DIGITS.sub("0", _LETTERS.sub("a", cell))


def _by_itself(line: str, form: CsvForm) -> list[str] | None:
    """Cells of a line whose quotes are not CSV's, where they can still be told: ``k,"Sunset" by the sea``."""
    if '"' not in line:  # a carriage return inside of a cell
        return line.rstrip("\r\n").split(form.delimiter)
    # programs that do not double quotes write a backslash before them
    found = _cells_of(line, form, escape="\\") if '\\"' in line else None
    return found if found is not None else _cells_of(line, form, escape=None)


def _cells_of(line: str, form: CsvForm, *, escape: str | None) -> list[str] | None:
    wants_more = False

    def feed() -> Iterator[str]:
        nonlocal wants_more
        yield line.rstrip("\r\n")
        wants_more = True

    reader = csv.reader(
        feed(),
        delimiter=form.delimiter,
        skipinitialspace=form.skips_blanks,
        escapechar=escape,
        doublequote=escape is None,
        strict=escape is not None,
    )
    try:
        cells = next(reader)
    except (csv.Error, StopIteration):
        return None
    return None if wants_more or (form.width is not None and len(cells) != form.width) else cells

"""Records of CSV, one or several lines long; one whose quotes are broken costs itself alone.

Everything is told from the lines of a record themselves, never from those before, so that pieces of a file that are cut
where records begin hold what the whole file holds.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from tagalign.tags.captions.rows import MAX_CAPTION

_MAX_RECORD = 1 << 20  # characters that an open quote may take in

Record = tuple[int, Sequence[str] | None]
"""Number of the first line, cells (None for a broken record)."""


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


def csv_records(lines: Iterator[str], delimiter: str, width: int | None, first: int) -> Iterator[Record]:
    """The records of these lines, each with the number of its first line.

    Args:
        lines: from the beginning of a record on.
        delimiter: between cells.
        width: number of cells; None where it is not known.
        first: number of the first line.
    """
    feed, number = _Feed(lines), first
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
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
        if cells is None or (len(taken) > 1 and _swallows(cells, taken, delimiter, width)):
            feed.keep_first()
            cells = _by_itself(taken[0], delimiter, width)
        yield number, cells
        number += len(taken)


def _swallows(cells: Sequence[str], taken: Sequence[str], delimiter: str, width: int | None) -> bool:
    """Whether a record of several lines took in others.

    Its cells are not as many as the header's, or one is longer than a caption and its lines look like records.
    """
    if width is None:
        return False
    if len(cells) != width:
        return True
    if max(map(len, cells)) <= MAX_CAPTION:
        return False
    rows = sum(line.count(delimiter) == width - 1 for line in taken[1:])
    return 2 * rows >= len(taken) - 1


def _by_itself(line: str, delimiter: str, width: int | None) -> list[str] | None:
    """Cells of a line whose quotes are not CSV's, where they can still be told: ``k,"Sunset" by the sea``."""
    if '"' not in line:  # a carriage return inside of a cell
        return line.rstrip("\r\n").split(delimiter)
    wants_more = False

    def feed() -> Iterator[str]:
        nonlocal wants_more
        yield line.rstrip("\r\n")
        wants_more = True

    try:
        cells = next(csv.reader(feed(), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return None
    return None if wants_more or (width is not None and len(cells) != width) else cells

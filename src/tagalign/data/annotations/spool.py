"""Rows that wait on the disk: what one pass over a file finds and the next one needs, where memory would not hold it."""

import marshal
import tempfile
import weakref
from array import array
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any


class Spool:
    """Rows of plain values by key, in a temporary file that goes with this object; memory keeps their places alone.

    Rows are written as ``marshal`` has them, a tenth of the time of JSON where they hold many numbers. Nobody else can reach
    the file, which has no name, and no other Python ever reads it.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._closing = weakref.finalize(self, self._file.close)
        self._places: dict[str, array[int]] = defaultdict(partial(array, "q"))  # place and length in turns
        self._end = 0

    def add(self, key: str, row: Any) -> None:
        """One row more: texts, numbers, lists, dictionaries, None.

        Raises:
            ValueError: if it is nested too deep.
        """
        line = marshal.dumps(row)
        self._file.seek(self._end)
        self._file.write(line)
        self._places[key].extend((self._end, len(line)))
        self._end += len(line)

    def rows(self, key: str) -> Iterator[Any]:
        """The rows of a key, in the order in which they came."""
        places = self._places.get(key, ())
        for place, length in zip(places[0::2], places[1::2], strict=True):
            self._file.seek(place)
            yield marshal.loads(self._file.read(length))  # noqa: S302 - our own

    def __iter__(self) -> Iterator[str]:
        yield from self._places

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Give the disk back."""
        self._closing()

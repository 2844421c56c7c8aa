"""Rows that wait on the disk: what one pass over a file finds and the next one needs, where memory would not hold it."""

import json
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tagalign.json_text import json_text


class Spool:
    """Rows of JSON by key, in a temporary file that goes with this object; memory keeps their places alone."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._closing = weakref.finalize(self, self._file.close)
        self._places: dict[str, list[int]] = defaultdict(list)
        self._end = 0

    def add(self, key: str, row: Any) -> None:
        """One row more."""
        line = json_text(row).encode("ascii") + b"\n"
        self._file.seek(self._end)
        self._file.write(line)
        self._places[key].append(self._end)
        self._end += len(line)

    def rows(self, key: str) -> Iterator[Any]:
        """The rows of a key, in the order in which they came."""
        for place in self._places.get(key, ()):
            self._file.seek(place)
            yield json.loads(self._file.readline())

    def __iter__(self) -> Iterator[str]:
        yield from self._places

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Give the disk back."""
        self._closing()

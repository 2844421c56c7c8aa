"""The values of a JSON list one by one: a file of 14 M records is never in memory as a whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

CHUNK = 1 << 20  # characters read at a time
NUMBER = frozenset("0123456789+-.eE")


def json_items(path: Path, *, chunk: int = CHUNK) -> Iterator[Any]:
    """Yield the values of the list that a file holds.

    Args:
        path: of a JSON document.
        chunk: characters read at a time; a value may be longer.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON list, or a damaged one; the values before the fault were given.
    """
    with path.open(encoding="utf-8") as file:
        text = _Text(file, chunk)
        if text.next() != "[":
            raise ValueError(f"expected a JSON list of records, got {type(text.value()).__name__}")
        text.take()
        if text.next() != "]":
            yield text.value()
            while text.next() == ",":
                text.take()
                yield text.value()
        if text.next() != "]":
            raise ValueError("the list is cut off, or a comma is missing")
        text.take()
        if text.next():
            raise ValueError("something stands behind the list")


class _Text:
    """A piece of a file, and the place in it."""

    def __init__(self, file: TextIO, chunk: int) -> None:
        self._file, self._chunk = file, chunk
        self._piece, self._place = "", 0
        self._decoder = json.JSONDecoder()

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._place < len(self._piece) and self._piece[self._place].isspace():
                self._place += 1
            if self._place < len(self._piece):
                return self._piece[self._place]
            if not self._more():
                return ""

    def take(self) -> None:
        """Leave that character behind."""
        self._place += 1

    def value(self) -> Any:
        """The value that begins here."""
        self.next()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._piece, self._place)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # a number may go on behind the piece, which ends after "6" or "6." of "6.5"
            if set(self._piece[end:]) <= NUMBER and isinstance(found, int | float) and self._more():
                continue
            self._place = end
            return found

    def _more(self) -> bool:
        """Read on; False at the end of the file. Pieces double, so that a long value is not tried over and over."""
        kept = self._piece[self._place :]
        more = self._file.read(max(self._chunk, len(kept)))
        self._piece, self._place = kept + more, 0
        return bool(more)

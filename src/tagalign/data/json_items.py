"""Values of a JSON list, or of the lists of an object, one by one: a file of 14 M records is never in memory as a whole."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

CHUNK = 1 << 20  # characters read at a time
NUMBER = re.compile(r"[-+.0-9eE]*")
SPACE = re.compile(r"\s*")
LONGEST = 1 << 28
"""Characters of one value; a longer one is no record, but a file whose brackets do not close."""


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
        yield from _list(text)
        if text.next():
            raise ValueError("something stands behind the list")


def json_members(path: Path, *, chunk: int = CHUNK) -> Iterator[tuple[str, Any]]:
    """Yield the members of the object that a file holds; of a list each value by itself, with the name of the list.

    Args:
        path: of a JSON document.
        chunk: characters read at a time; a value may be longer.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON object, or a damaged one; the values before the fault were given.
    """
    with path.open(encoding="utf-8") as file:
        text = _Text(file, chunk)
        if text.next() != "{":
            raise ValueError(f"expected a JSON object, got {type(text.value()).__name__}")
        text.take()
        is_first = True
        while text.next() != "}":
            if not is_first and not text.took(","):
                raise ValueError("the object is cut off, or a comma is missing")
            is_first = False
            yield from _member(text)
        text.take()
        if text.next():
            raise ValueError("something stands behind the object")


def _member(text: "_Text") -> Iterator[tuple[str, Any]]:
    name = text.value() if text.next() == '"' else None
    if name is None or not text.took(":"):
        raise ValueError("the object is cut off, or a name is missing")
    if text.next() == "[":
        for value in _list(text):
            yield name, value
    else:
        yield name, text.value()


def _list(text: "_Text") -> Iterator[Any]:
    text.take()
    if text.next() != "]":
        yield text.value()
        while text.took(","):
            yield text.value()
    if not text.took("]"):
        raise ValueError("the list is cut off, or a comma is missing")


class _Text:
    """A piece of a file, and the place in it."""

    def __init__(self, file: TextIO, chunk: int) -> None:
        self._file, self._chunk = file, chunk
        self._piece, self._place = "", 0
        self._decoder = json.JSONDecoder()

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self._place = SPACE.match(self._piece, self._place).end()  # type: ignore[union-attr]
            if self._place < len(self._piece):
                return self._piece[self._place]
            if not self._more():
                return ""

    def take(self) -> None:
        """Leave that character behind."""
        self._place += 1

    def took(self, character: str) -> bool:
        """Leave the next character behind where it is this one."""
        if self.next() != character:
            return False
        self.take()
        return True

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
            if isinstance(found, int | float) and self._is_number_to_its_end(end) and self._more():
                continue
            self._place = end
            return found

    def _is_number_to_its_end(self, place: int) -> bool:
        return NUMBER.match(self._piece, place).end() == len(self._piece)  # type: ignore[union-attr]

    def _more(self) -> bool:
        """Read on; False at the end of the file. Pieces double, so that a long value is not tried over and over."""
        kept = self._piece[self._place :]
        if len(kept) > LONGEST:
            raise ValueError(f"one value has more than {LONGEST:,} characters, or does not end")
        more = self._file.read(max(self._chunk, len(kept)))
        self._piece, self._place = kept + more, 0
        return bool(more)

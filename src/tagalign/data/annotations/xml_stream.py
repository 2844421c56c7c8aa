"""XML of other people, element by element: no entities, no documents from elsewhere, bounded depth and memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import ParseError, XMLParser

from tagalign.errors import DataError

CHUNK = 1 << 18
DEEPEST = 50
MOST_TEXT = 10_000_000
"""Characters of one text between tags."""
MOST_CHILDREN = 2_000_000
"""Elements inside one that is asked for."""
LONGEST_TAG = 1 << 24
"""Bytes in which nothing begins or ends: a tag that does not close is read again from its beginning with every piece."""
LONGEST_HEAD = 1 << 20
"""Bytes before the outermost element is known."""


@dataclass(kw_only=True)
class Element:
    """One element with what is inside.

    Attributes:
        tag: its name.
        attributes: of it.
        children: in their order.
        text: directly inside it, before, between and behind the children.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def first(self, *path: str) -> "Element | None":
        """The first child of a name, and so on below it; None where there is none."""
        found: Element | None = self
        for tag in path:
            found = next((child for child in (found.children if found else ()) if child.tag == tag), None)
        return found

    def text_of(self, *path: str) -> str:
        """The text of ``first`` without space around; empty where there is none."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


def read_elements(path: Path, paths: Iterable[str], *, chunk: int = CHUNK) -> Iterator[Element]:
    """Elements of a file, each as soon as it is whole; nothing else is kept.

    Args:
        path: of the file.
        paths: which elements, from the root: ``annotations/image``. The root by itself gives the whole file.
        chunk: bytes read at a time.

    Raises:
        DataError: if the file cannot be read, is no XML, declares a document type, or goes deeper than ``DEEPEST``.
    """
    found = _Collector(path, frozenset(paths))
    parser = XMLParser(target=found)  # noqa: S314 - as above
    try:
        with path.open("rb") as file:
            while piece := file.read(chunk):
                found.silence += len(piece)
                parser.feed(piece)
                if found.silence > max(LONGEST_TAG, chunk):
                    raise DataError(f"{path}: one tag has more than {LONGEST_TAG:,} bytes, or does not end")
                yield from found.take()
        parser.close()
    except (ParseError, LookupError, ValueError) as error:
        raise DataError(f"{path}: expected XML, could not read it ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    yield from found.take()


def root_of(path: Path) -> str:
    """The name of the outermost element; empty where the file is no XML."""
    found = _Collector(path, frozenset())
    parser = XMLParser(target=found)  # noqa: S314 - as above
    try:
        with path.open("rb") as file:
            while not found.root and file.tell() < LONGEST_HEAD and (piece := file.read(1 << 14)):
                parser.feed(piece)
    except (ParseError, LookupError, ValueError, OSError, DataError):
        return found.root
    return found.root


class _Collector:
    """What the parser calls."""

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self._path, self._wanted = path, wanted
        self._tags: list[str] = []
        self._open: list[Element] = []
        self._done: list[Element] = []
        self._inside = 0
        self.root = ""
        self.silence = 0  # bytes since something began or ended

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Entities are declared in a document type, and may grow without bound or read other files."""
        raise DataError(f"{self._path}: declares a document type ({name}), which is not read")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.silence = 0
        self._tags.append(tag)
        self.root = self.root or tag
        if len(self._tags) > DEEPEST:
            raise DataError(f"{self._path}: more than {DEEPEST} elements inside each other")
        if self._open:
            self._inside += 1
            if self._inside > MOST_CHILDREN:
                raise DataError(
                    f"{self._path}: more than {MOST_CHILDREN:,} elements inside one <{self._open[0].tag}>"
                )
            child = Element(tag=tag, attributes=attributes)
            self._open[-1].children.append(child)
            self._open.append(child)
        elif "/".join(self._tags) in self._wanted:
            self._open.append(Element(tag=tag, attributes=attributes))

    def end(self, tag: str) -> None:
        self.silence = 0
        self._tags.pop()
        if self._open:
            last = self._open.pop()
            if not self._open:
                self._done.append(last)
                self._inside = 0

    def data(self, text: str) -> None:
        self.silence = 0
        if self._open:
            if len(self._open[-1].text) + len(text) > MOST_TEXT:
                raise DataError(
                    f"{self._path}: more than {MOST_TEXT:,} characters in one <{self._open[-1].tag}>"
                )
            self._open[-1].text += text

    def close(self) -> None:
        return None

    def take(self) -> list[Element]:
        """The elements that are whole, each once."""
        done, self._done = self._done, []
        return done

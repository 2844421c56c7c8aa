"""Lists of paths, from a file or standard input, in whatever encoding they were written."""

import codecs
import os
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

from tagalign.errors import InputError

LIST_SUFFIXES = frozenset({".txt", ".lst"})
_QUOTES, _SCHEME = ("'", '"'), "file://"
_DRESSED = frozenset(" \t\"'")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def listed_paths(path: str) -> Iterator[str]:
    """Paths of a list file, one per line; a blank line is none.

    Read are UTF-8, UTF-16 and UTF-32 with their mark, UTF-16 without, and else the bytes as they stand: those of the
    file names themselves, or Latin-1 where that names a file. Quotes and blanks around a path, and ``file://`` before
    it, are taken away where only that names a file.

    Raises:
        InputError: if the file cannot be read, or its encoding is not what its mark says.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
        encoding = _encoding(head)
        if encoding is None and b"\r" in head[:-1] and b"\n" not in head:  # as old Macintoshes ended lines
            yield from paths_of(Path(path).read_bytes().split(b"\r"))
        elif encoding is None:
            with Path(path).open("rb") as file:
                yield from paths_of(file)
        else:
            with Path(path).open(encoding=encoding) as text:
                yield from paths_of(text)
    except UnicodeError as error:
        raise InputError(f"{path}: expected a list of paths as text, one per line ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: the list cannot be read ({error.strerror})") from error


def _encoding(head: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 4:  # names are mostly ASCII: every other byte is 0
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def paths_of(lines: Iterable[bytes] | Iterable[str]) -> Iterator[str]:
    """Paths of lines: ends of lines of any system are cut, blank lines left out, NUL (``find -print0``) ends one too."""
    for line in lines:
        raw = line if isinstance(line, bytes) else os.fsencode(line)
        for piece in raw.rstrip(b"\r\n").split(b"\0"):
            if piece.strip():
                yield _path(piece)


def _path(raw: bytes) -> str:
    try:
        path = raw.decode("utf-8")
        return (
            path
            if path[0] not in _DRESSED and path[-1] not in _DRESSED and path[:7] != _SCHEME
            else _bare(path)
        )
    except UnicodeDecodeError:
        path, latin = os.fsdecode(raw), raw.decode("latin-1")
        return latin if os.path.exists(latin) and not os.path.exists(path) else path  # noqa: PTH110


def _bare(path: str) -> str:
    """The path without what other programs put around it, where that is a file and the path itself is none."""
    if os.path.lexists(path):
        return path
    bare = path.strip()
    if bare[:1] == bare[-1:] and bare[:1] in _QUOTES and len(bare) > 2:
        bare = bare[1:-1]
    if bare.startswith(_SCHEME):
        bare = urllib.parse.unquote(urllib.parse.urlsplit(bare).path)
    return bare if os.path.exists(bare) else path  # noqa: PTH110

"""Lists of paths, from a file or standard input, in whatever encoding they were written."""

import codecs
import os
import urllib.parse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from tagalign.errors import InputError
from tagalign.tags.text_files import wide_encoding

LIST_SUFFIXES = frozenset({".txt", ".lst"})
_HEAD = 4096  # bytes looked at to tell how a list is written
_QUOTES, _SCHEME = ("'", '"'), "file://"
_DRESSED = frozenset(" \t\"'")


def listed_paths(path: str) -> Iterator[str]:
    """Paths of a list file, one per line; see ``paths_of``. Lines may also end as old Macintoshes ended them.

    Raises:
        InputError: if the file cannot be read, or its encoding is not what its mark says.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD)
            file.seek(0)
            is_old = b"\r" in head[:-1] and b"\n" not in head and _encoding(head) is None
            yield from paths_of(file.read().split(b"\r") if is_old else file, name=path)
    except OSError as error:
        raise InputError(f"{path}: the list cannot be read ({error.strerror})") from error


def _encoding(head: bytes) -> str | None:
    """What has to be decoded as a whole; None for lines of bytes."""
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else wide_encoding(head)


def paths_of(lines: Iterable[bytes] | Iterable[str], *, name: str = "standard input") -> Iterator[str]:
    """Paths of lines: ends of lines of any system are cut, blank lines left out, NUL (``find -print0``) ends one too.

    Read are UTF-8, UTF-16 and UTF-32 with their mark, UTF-16 without, and else the bytes as they stand: those of the
    file names themselves, or Latin-1 where that names a file. Quotes and blanks around a path, and ``file://`` before
    it, are taken away where only that names a file.

    Raises:
        InputError: naming the list, if its encoding is not what its mark says.
    """
    for line in _decoded(lines, name):
        raw = line if isinstance(line, bytes) else os.fsencode(line)
        for piece in raw.rstrip(b"\r\n").split(b"\0"):
            if piece.strip():
                yield _path(piece)


def _decoded(lines: Iterable[bytes] | Iterable[str], name: str) -> Iterator[bytes | str]:
    """The lines, as texts where their first one says how they are written; such lists are held in memory."""
    rest: Iterator[bytes | str] = iter(lines)
    first = next(rest, None)
    if first is None:
        return iter(())
    encoding = _encoding(first[:_HEAD]) if isinstance(first, bytes) else None
    if encoding is None:
        return chain([first], rest)
    whole = b"".join(line for line in chain([first], rest) if isinstance(line, bytes))
    try:
        return iter(whole.decode(encoding).removeprefix("\ufeff").split("\n"))
    except UnicodeError as error:
        raise InputError(f"{name}: expected a list of paths as text, one per line ({error})") from error


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

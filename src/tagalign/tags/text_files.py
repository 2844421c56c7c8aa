"""Text as people, spreadsheets and the web write it: packed or not, UTF-8 with or without a mark, UTF-16, Windows-1252.

A line ends at its line feed alone, so that pieces of a file that are cut at bytes and the file as a whole agree. Bytes that
are no UTF-8 are read as Windows-1252, line by line, with one warning per file: a stray byte costs no line. Marks of UTF-8
are dropped at the beginning of every line, because files are put one behind the other.
"""

import bz2
import codecs
import gzip
import io
import lzma
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tagalign.errors import DataError

PACKINGS = (".gz", ".bz2", ".xz", ".zst")
UNPACKING_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What reading a packed file raises where it is cut off or damaged."""

_HEAD = 4096  # bytes looked at to tell how a file is written
_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.BZ2File, ".xz": lzma.open}
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet's own format; save it as CSV in UTF-8",
    b"\x1f\x8b": "packed with gzip; its name must end in .gz",
    b"PAR1": "Parquet; its name must end in .parquet",
}


def packing_of(path: Path) -> str:
    """The ending that says how a file is packed; empty where it is not."""
    return path.suffix.lower() if path.suffix.lower() in PACKINGS else ""


def open_packed(path: Path, packing: str | None = None) -> io.BufferedReader:
    """The bytes of a file, unpacked on the way.

    Args:
        path: of the file.
        packing: one of ``PACKINGS`` or empty; by default what the name says.
    """
    packing = packing_of(path) if packing is None else packing
    if not packing:
        return path.open("rb")
    if packing == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))
    return io.BufferedReader(_OPENERS[packing](path))


def wide_encoding(head: bytes) -> str | None:
    """The encoding of a text with two or four bytes a character, by its mark or its zeros; None for all others."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for zeros, letters, name in ((head[1::2], head[::2], "utf-16-le"), (head[::2], head[1::2], "utf-16-be")):
        if len(head) >= 8 and zeros.count(0) > 0.6 * len(zeros) and not letters.count(0):
            return name
    return None


def decode(raw: bytes) -> str:
    """A whole text or one line; what is no UTF-8 is read as Windows-1252, a byte without a letter there as a blank box.

    >>> decode("caf\u00e9".encode("latin-1")) == decode("caf\u00e9".encode("utf-16")) == "caf\u00e9"
    True
    """
    if wide := wide_encoding(raw[:_HEAD]):
        return raw.decode(wide, errors="replace").removeprefix("\ufeff")
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        return _western(raw)


def decode_line(raw: bytes) -> str:
    """A line of a file that is not written wide; see ``decode``."""
    try:
        return _unmarked(raw.decode())
    except UnicodeDecodeError:
        return _western(raw)


def _unmarked(text: str) -> str:
    return text.lstrip("\ufeff") if text[:1] == "\ufeff" else text


def _western(raw: bytes) -> str:
    return raw.removeprefix(codecs.BOM_UTF8).decode("cp1252", errors="replace")


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file with their ends, one at a time.

    Raises:
        DataError: if the file is something else: an archive, a spreadsheet's own format, Parquet.
        OSError: if it cannot be opened or unpacked; ``UNPACKING_ERRORS`` where it is cut off or damaged.
    """
    with open_packed(path) as raw:
        head = raw.peek(_HEAD)[:_HEAD]
        refuse_foreign(path, head)
        if _is_special(head):
            wide = wide_encoding(head)
            encoding, newline = wide or "utf-8-sig", "\n" if wide and "\n" in decode(head) else None
            with io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline=newline) as text:
                yield from map(_unmarked, text)
            return
        yield from _lines(path, raw)


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file that is no text, by its first bytes.

    Raises:
        DataError: for an archive, a spreadsheet's own format, Parquet.
    """
    for mark, words in _FOREIGN.items():
        if head.startswith(mark):
            raise DataError(f"{path} is {words}")


def _lines(path: Path, raw: io.BufferedReader) -> Iterator[str]:
    has_warned = False
    for number, line in enumerate(raw, start=1):
        try:
            text = _unmarked(line.decode())
        except UnicodeDecodeError:
            text = _western(line)
            if not has_warned:
                has_warned = True
                warnings.warn(
                    f"{path}: line {number} is not UTF-8; such lines are read as Windows-1252", stacklevel=2
                )
        yield text


def can_be_cut(path: Path) -> bool:
    """Whether reading may begin at any line feed of the file: it is not packed, and written with one byte a line feed."""
    if packing_of(path):
        return False
    with path.open("rb") as raw:
        return not _is_special(raw.read(_HEAD))


def _is_special(head: bytes) -> bool:
    """Whether a text is written wide, or ends its lines as old Macintoshes did."""
    return wide_encoding(head) is not None or (b"\r" in head[:-1] and b"\n" not in head)


def read_text(path: Path) -> str:
    """A whole file that a person wrote, with line feeds alone.

    Raises:
        DataError: if it cannot be read or is no text.
    """
    try:
        text = "".join(text_lines(path)).replace("\r\n", "\n").replace("\r", "\n")
    except UNPACKING_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"cannot read {path}: {reason}") from error
    if "\0" in text or "\ufffd" in text:
        raise DataError(f"{path} is no text: it holds bytes that are no letters")
    return text


def printable(text: object) -> str:
    """A text that any file and terminal in UTF-8 takes: bytes of names that are no UTF-8 become escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode()

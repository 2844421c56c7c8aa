r"""The name of a photo in results: its path as text that every format can hold, and back.

File names are bytes; JSON, Parquet, CSV and XML hold text. What they cannot hold (bytes that are not UTF-8, control
characters) is written as ``\xHH``, one per byte. A path that looks as if it were written so has its backslashes written
so too, hence no two paths share a key and every key leads back to its path.
"""

import os
import re

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def key_of(path: str) -> str:
    r"""The key of a path.

    >>> key_of("day 1/a.jpg"), key_of(os.fsdecode(b"caf\xe9.png")), key_of(r"a\xe9.png")
    ('day 1/a.jpg', 'caf\\xe9.png', 'a\\x5cxe9.png')
    """
    if _UNPRINTABLE.search(path) is None and _ESCAPED.search(path) is None:
        return path
    return "".join(_escape(c) if c == "\\" or _UNPRINTABLE.match(c) else c for c in path)


def path_of(key: str) -> str:
    """The path of a key."""
    if _ESCAPED.search(key) is None:
        return key
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), os.fsencode(key))
    return os.fsdecode(raw)


def printable(text: str) -> str:
    r"""A message as text that every stream and format can hold; what they cannot is written as ``\xHH``."""
    return "".join(_escape(c) if _UNPRINTABLE.match(c) else c for c in text)


def _escape(char: str) -> str:
    raw = os.fsencode(char) if "\udc80" <= char <= "\udcff" else char.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in raw)

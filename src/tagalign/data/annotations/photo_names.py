r"""What a photo may be called on this disk, when a tool on another machine, perhaps with Windows, wrote its name down.

Annotation files hold paths (``C:\photos\a.jpg``), addresses (``https://host/a%20b.jpg?sig=1``, ``s3://bucket/day/a.jpg``),
and what Label Studio makes of both (``/data/upload/3/ab12cd34-a.jpg``, ``/data/local-files/?d=photos/a.jpg``).
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_DRIVE = re.compile(r"^[a-zA-Z]:(?=[\\/])")
_UPLOAD = re.compile(r"(?:^|/)data/upload/(?:\d+/)?(?P<name>[^/]+)$")
_MARK = re.compile(r"^[0-9a-f]{8}-(?=.)")
_NOT_UPLOADED = re.compile(r"[^-\w.]")
LOCAL_FILES = "/data/local-files/"


def possible_paths(name: str, *, is_address: bool = False) -> tuple[str, ...]:
    r"""Paths with ``/`` between folders, relative, the likeliest first.

    A name is taken as it stands before anything is made of it: ``50%25.jpg`` and ``a\b.jpg`` may be names of files
    here. What is known to be an address is decoded first, as every reader of it would.

    >>> possible_paths("C:\\photos\\day 1\\a.jpg")
    ('C:\\photos\\day 1\\a.jpg', 'photos/day 1/a.jpg')
    >>> possible_paths("/data/upload/3/0a1b2c3d-a%20b.jpg", is_address=True)
    ('data/upload/3/0a1b2c3d-a b.jpg', 'data/upload/3/0a1b2c3d-a%20b.jpg', 'a b.jpg', 'a%20b.jpg')
    >>> possible_paths("/data/local-files/?d=day%201/a.jpg")
    ('day 1/a.jpg',)
    >>> possible_paths("https://host:80/x/a%20b.jpg?size=9#top")
    ('x/a b.jpg', 'x/a%20b.jpg')
    """
    path, from_address = _of_address(name)
    decoded = unquote(path, errors="surrogateescape")
    texts = [decoded, path] if is_address or from_address else [path, decoded]
    if from_address == "query":
        texts = [path]
    slashed = [*texts, *(_DRIVE.sub("", text).replace("\\", "/") for text in texts if "\\" in text)]
    plain = [_relative(text) for text in slashed]
    return tuple(dict.fromkeys(text for text in [*plain, *map(without_upload_mark, plain)] if text))


def _of_address(name: str) -> tuple[str, str]:
    """The path of an address, and which part of it that was; of anything else the name itself and nothing."""
    if LOCAL_FILES in name and "?" in name:
        found = parse_qs(name.partition("?")[2], errors="surrogateescape").get("d", [])
        if found:
            return found[0], "query"
    if not _ADDRESS.match(name):
        return name, ""
    try:
        parts = urlsplit(name)
    except ValueError:  # a bracket that does not close
        return name, ""
    return parts.path, "path"


def _relative(path: str) -> str:
    r"""Without its root; ``C:\a.jpg`` stays, for it may be the name of one file here."""
    return (_DRIVE.sub("", path) if "\\" not in path else path).lstrip("/")


def without_upload_mark(path: str) -> str:
    """The name that a person uploaded, of a path in Label Studio's folder of uploads.

    >>> without_upload_mark("data/upload/3/0a1b2c3d-a.jpg"), without_upload_mark("day/0a1b2c3d-a.jpg")
    ('a.jpg', '')
    """
    found = _UPLOAD.search(path)
    return "" if found is None else _MARK.sub("", found["name"])


def uploaded_form(name: str) -> str:
    """What Label Studio's server makes of the name of an uploaded file: no blanks, no signs.

    >>> uploaded_form("my photo (1).jpg")
    'my_photo_1.jpg'
    """
    return _NOT_UPLOADED.sub("", name.strip().replace(" ", "_"))


def is_inline(name: str) -> bool:
    """Whether the picture itself stands in the place of its name."""
    return name.startswith("data:")

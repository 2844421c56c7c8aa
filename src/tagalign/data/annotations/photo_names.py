r"""What a photo may be called on this disk, when a tool on another machine, perhaps with Windows, wrote its name down.

Annotation files and the tasks of a labelling tool hold paths (``C:\photos\a.jpg``), addresses
(``https://host/a%20b.jpg?sig=1``, ``s3://bucket/day/a.jpg``), and what Label Studio makes of both
(``/data/upload/3/ab12cd34-a.jpg``, ``/data/local-files/?d=photos/a.jpg``). This is the one place that knows all of them.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from tagalign.tasks.photos.keys import path_of

_ADDRESS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]+)://")
_DRIVE = re.compile(r"^[a-zA-Z]:(?=[\\/])")
_UPLOAD = re.compile(r"(?:^|/)(?:data/)?upload/(?:\d+/)?(?P<name>[^/]+)$")
_MARK = re.compile(r"^[0-9a-f]{8}-(?=.)")
_NOT_UPLOADED = re.compile(r"[^-\w.]")
_SIGNED = re.compile(r"/(?:tasks|projects)/\d+/(?:resolve|presign)/?$")
"""Where Label Studio shows a photo of a bucket: the address stands in the query, in base64."""
LOCAL_FILES, UPLOADS, STORED_UPLOADS = "/data/local-files", "data/upload/", "/storage-data/uploaded"

NameKind = Literal["inline", "upload", "storage", "file", "web", "bucket", "path"]


@dataclass(frozen=True, kw_only=True)
class PhotoName:
    """A name as somebody wrote it.

    Attributes:
        kind: ``inline``: the picture itself; ``upload`` and ``storage``: of Label Studio; ``web``, ``bucket`` and ``file``:
            an address of that kind; ``path``: anything else.
        paths: what the photo may be called, the likeliest first, with their roots where they have some.
    """

    kind: NameKind
    paths: tuple[str, ...]

    @property
    def relative(self) -> tuple[str, ...]:
        """The paths without their roots."""
        return tuple(dict.fromkeys(text for text in map(_relative, self.paths) if text))


def read_name(name: str, *, is_address: bool = False) -> PhotoName:
    r"""What a name says, and the paths that it may mean.

    A path is taken as it stands before anything is made of it: ``50%25.jpg`` and ``a\b.jpg`` may be names of files here.
    What is known to be an address is decoded first, as every reader of it would.

    Args:
        name: as the tool wrote it.
        is_address: that percent signs are escapes even where no scheme stands before it, as in Label Studio's tasks.

    >>> read_name("/data/upload/3/a%20b.jpg?token=1", is_address=True).kind
    'upload'
    >>> read_name("s3://bucket/day/a.jpg")
    PhotoName(kind='bucket', paths=('/day/a.jpg',))
    """
    if is_inline(name):
        return PhotoName(kind="inline", paths=())
    kind, texts = _texts(name, is_address=is_address)
    slashed = [*texts, *(_DRIVE.sub("", text).replace("\\", "/") for text in texts if "\\" in text)]
    below = [text.rpartition(UPLOADS)[2].lstrip("/").removeprefix("upload/") for text in slashed]
    uploads = [form for text in below for form in (f"upload/{text}", text)] if kind == "upload" else []
    sent = map(without_upload_mark, slashed)
    keys = map(_of_key, texts)
    return PhotoName(
        kind=kind, paths=tuple(dict.fromkeys(text for text in [*slashed, *uploads, *sent, *keys] if text))
    )


def possible_paths(name: str, *, is_address: bool = False) -> tuple[str, ...]:
    r"""Paths with ``/`` between folders, relative, the likeliest first.

    >>> possible_paths("C:\\photos\\day 1\\a.jpg")
    ('C:\\photos\\day 1\\a.jpg', 'photos/day 1/a.jpg')
    >>> possible_paths("/data/upload/3/0a1b2c3d-a.jpg", is_address=True)
    ('data/upload/3/0a1b2c3d-a.jpg', 'upload/3/0a1b2c3d-a.jpg', '3/0a1b2c3d-a.jpg', 'a.jpg')
    >>> possible_paths("/data/local-files/?d=day%201/a.jpg")
    ('day 1/a.jpg',)
    >>> possible_paths("https://host:80/x/a%20b.jpg?size=9#top")
    ('x/a b.jpg', 'x/a%20b.jpg')
    """
    return read_name(name, is_address=is_address).relative


def _texts(name: str, *, is_address: bool) -> tuple[NameKind, list[str]]:
    """The kind of a name and the path in it, decoded and as it stands, in the order of their likelihood."""
    scheme, path, query = _parts(name)
    if LOCAL_FILES in path and (stored := _of_query(query, "d")):
        return "storage", [stored]
    if STORED_UPLOADS in path and (stored := _of_query(query, "filepath")):
        return "upload", [stored]
    if _SIGNED.search(path) and (signed := _signed(_of_query(query, "fileuri"))):
        return _texts(signed, is_address=True)
    is_upload = UPLOADS in path or (not scheme and path.lstrip("/").startswith("upload/"))
    # without a scheme a question mark may be part of the name
    plain = [path] if scheme else [name, path] if is_upload else [name]
    texts = [form for text in plain for form in _decoded(text, first=is_address or bool(scheme))]
    return "upload" if is_upload else _KINDS.get(scheme, "bucket"), texts


_KINDS: dict[str, NameKind] = {"": "path", "http": "web", "https": "web", "file": "file"}


def _parts(name: str) -> tuple[str, str, str]:
    """Scheme, path and query; of what is no address no scheme, and what stands before and behind a question mark."""
    found = _ADDRESS.match(name)
    if found is not None:
        scheme = found["scheme"].lower()
        try:
            parts = urlsplit(name)
        except ValueError:  # a bracket that does not close
            return scheme, name, ""
        return scheme, parts.path, parts.query
    path, _, query = name.partition("?")
    return "", path, query


def _decoded(text: str, *, first: bool) -> Iterator[str]:
    decoded = unquote(text, errors="surrogateescape")
    yield from (decoded, text) if first else (text, decoded)


def _of_query(query: str, key: str) -> str:
    try:
        return parse_qs(query, errors="surrogateescape").get(key, [""])[0]
    except ValueError:  # more fields than anybody writes
        return ""


def _signed(code: str) -> str:
    """The address of a bucket behind one that Label Studio signs; empty where there is none."""
    try:
        text = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_").decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return text if _ADDRESS.match(text) else ""


def _of_key(name: str) -> str:
    """The path where the name is a key, by which our own exports call a photo; empty where it cannot be one."""
    try:
        return path_of(name)
    except UnicodeEncodeError:  # half a character, which no key holds
        return ""


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
    return name[:5].lower() == "data:"

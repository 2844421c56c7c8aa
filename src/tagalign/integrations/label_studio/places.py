"""Where the photo of a task lies: in a folder that the owner of the server named, or behind an address of the web.

Label Studio writes uploads as ``/data/upload/PROJECT/NAME``, files of a local storage as ``/data/local-files/?d=PATH``;
people write plain paths too, on Windows with backslashes. All of these are looked for below the named folders and nowhere
else: links that lead out, pipes and devices are no photos.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

from tagalign.errors import ImageError, InputError
from tagalign.tasks.photos.keys import printable

WEB = ("http://", "https://")
LOCAL_FILES = "/data/local-files"
UPLOADS = "/data/upload/"
STORED_UPLOADS = "/storage-data/uploaded"


@dataclass(frozen=True, kw_only=True)
class LocalPhoto:
    """A photo below a named folder.

    Attributes:
        folder: that was named, without links.
        path: of the photo below it, with ``/`` between folders.
    """

    folder: Path
    path: str

    def read(self, max_bytes: int) -> bytes:
        """The file.

        Raises:
            ImageError: if it is larger than ``max_bytes``, or cannot be read.
        """
        try:
            with (self.folder / self.path).open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError as error:
            raise ImageError(f"{printable(self.path)}: cannot be read ({error.strerror})") from None
        if len(data) > max_bytes:
            raise ImageError(
                f"{printable(self.path)}: a photo of at most {max_bytes:,} bytes is read; --max-bytes allows more"
            )
        return data


@dataclass(frozen=True, kw_only=True)
class WebPhoto:
    """A photo behind an address; who fetches it decides which hosts are asked."""

    address: str


def photo_of(data: Mapping[str, Any], key: str, folders: Sequence[Path]) -> LocalPhoto | WebPhoto:
    """The photo of a task.

    Args:
        data: of the task.
        key: that the config's image tag names; dots lead into objects, as in Label Studio.
        folders: that photos may lie in.

    Raises:
        InputError: if the task has no such text, or no photo lies there.
    """
    value = _value(data, key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"data.{key}: expected the address of a photo, got {value!r:.100}")
    value = value.strip()
    is_web = value.lower().startswith(WEB)
    for folder in folders:
        for relative in _paths(value):
            if found := _inside(folder, relative):
                return found
    if is_web:
        return WebPhoto(address=value)
    where = "none of the folders of --label-studio-folder has it" if folders else "no folder is named"
    raise InputError(
        f"data.{key}: {printable(value)[:200]!r}: {where}; start the server with --label-studio-folder FOLDER, the folder "
        "of the uploads or of the local storage"
    )


def _value(data: Mapping[str, Any], key: str) -> Any:
    if key in data:
        return data[key]
    value: Any = data
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _paths(value: str) -> Iterator[str]:
    """Paths that an address may mean, the likeliest first."""
    try:
        parts = urlsplit(value)
        query = parse_qs(parts.query, errors="surrogateescape")
    except ValueError:
        return
    if parts.path.startswith(LOCAL_FILES):
        yield from _spellings(query.get("d", [""])[0])
    elif parts.path.startswith(STORED_UPLOADS):
        yield from _uploaded(query.get("filepath", [""])[0])
    elif UPLOADS in parts.path or (not parts.scheme and parts.path.lstrip("/").startswith("upload/")):
        # the name as it stands first: a file may be called 50%25.jpg
        for path in dict.fromkeys((value.partition("?")[0], parts.path, _decoded(parts.path))):
            yield from _uploaded(path.rpartition(UPLOADS)[2])
    elif parts.scheme == "file":
        yield from _spellings(_decoded(parts.path))
    elif not value.lower().startswith(WEB):
        yield from _spellings(value)
        yield from _spellings(_decoded(value))


def _uploaded(path: str) -> Iterator[str]:
    """Below the folder of the media, and below that of the uploads."""
    inner = path.lstrip("/").removeprefix("upload/")
    yield from _spellings(f"upload/{inner}")
    yield from _spellings(inner)


def _spellings(path: str) -> Iterator[str]:
    if path:
        yield path
        if "\\" in path:
            yield path.replace("\\", "/")


def _decoded(path: str) -> str:
    return os.fsdecode(unquote_to_bytes(path))


def _inside(folder: Path, relative: str) -> LocalPhoto | None:
    try:
        root = folder.resolve()
        place = (root / relative).resolve()
        if not place.is_relative_to(root) or not stat.S_ISREG(place.stat().st_mode):
            return None
    except (OSError, ValueError, RuntimeError):  # no such file, a zero byte, a circle of links
        return None
    return LocalPhoto(folder=root, path=str(PurePosixPath(*place.relative_to(root).parts)))

"""Where the photo of a task lies: in a folder that the owner of the server named, or behind an address of the web.

What an address may mean is the rule of ``data.annotations.photo_names``. All of it is looked for below the named folders and
nowhere else: links that lead out, pipes and devices are no photos.
"""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tagalign.data.annotations.photo_names import read_name
from tagalign.errors import ImageError, InputError
from tagalign.integrations.label_studio.task_values import task_value
from tagalign.tasks.photos.keys import printable

WEB = ("http://", "https://")


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
    value = task_value(data, key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"data.{key}: expected the address of a photo, got {value!r:.100}")
    name = read_name(value.strip(), is_address=True)
    if name.kind != "web":  # another host's photo is another one, whatever it is called
        for folder in folders:
            for path in (*name.paths, *name.relative):
                if found := _inside(folder, path):
                    return found
    if value.strip().lower().startswith(WEB):
        return WebPhoto(address=value.strip())
    shown = f"data.{key}: {printable(value.strip())[:200]!r}"
    if name.kind == "bucket":
        raise InputError(
            f"{shown}: photos in a bucket are not fetched; copy the bucket to a folder (aws s3 sync, gsutil rsync) and "
            "name it with --label-studio-folder, or give tasks https:// addresses and list their host with --allow-host"
        )
    where = "none of the folders of --label-studio-folder has it" if folders else "no folder is named"
    raise InputError(
        f"{shown}: {where}; start the server with --label-studio-folder FOLDER, the folder of the uploads or of the local "
        "storage"
    )


def _inside(folder: Path, relative: str) -> LocalPhoto | None:
    try:
        root = folder.resolve()
        place = (root / relative).resolve()
        if not place.is_relative_to(root) or not stat.S_ISREG(place.stat().st_mode):
            return None
    except (OSError, ValueError, RuntimeError):  # no such file, a zero byte, a circle of links
        return None
    return LocalPhoto(folder=root, path=str(PurePosixPath(*place.relative_to(root).parts)))

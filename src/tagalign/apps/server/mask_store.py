"""Masks by their content: a PNG has the address of its hash, so that whoever has it need not load it again.

The files lie in one folder, which all processes of a server share; the oldest go when they are too many.
"""

import hashlib
import re
import shutil
import tempfile
import weakref
from pathlib import Path

from tagalign.apps.server.refusals import disk_full
from tagalign.atomic import atomic_write
from tagalign.errors import InputError

MASKS = "/v1/masks/"
FOREVER = "max-age=31536000, immutable"
"""What a hash names never changes."""
_NAME = re.compile(r"[0-9a-f]{32}")


class MaskStore:
    """A bounded folder of PNG files.

    Args:
        folder: of the files; None makes one for the time of this process.
        max_bytes: of all of them together.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int) -> None:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="tagalign-masks-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = folder
        self._max_bytes = max_bytes
        self._since_sweep = 0

    def put(self, png: bytes) -> str:
        """Keep a mask; returns its name, 32 hex digits of SHA-256. One that is there already is not written again.

        Raises:
            Refusal: 507 if the disk takes no more.
        """
        name = hashlib.sha256(png).hexdigest()[:32]
        path = self._folder / name
        if not path.exists():
            try:
                with atomic_write(path) as temp:
                    temp.write_bytes(png)
            except InputError as error:
                raise disk_full("the mask", error) from None
            self._since_sweep += len(png)
            # an eighth more than the limit at most: looking at every file for every mask would be slow
            if self._since_sweep > self._max_bytes / 8:
                self._sweep()
        return name

    def get(self, name: str) -> bytes | None:
        """A mask by its name; None where there is none, or none any more."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def _sweep(self) -> None:
        self._since_sweep = 0
        found = []
        for path in self._folder.iterdir():
            try:
                stat = path.stat()
            except OSError:  # another process has swept it
                continue
            found.append((stat.st_mtime_ns, path.name, stat.st_size))
        left = sum(size for _, _, size in found)
        for _, name, size in sorted(found):
            if left <= self._max_bytes:
                return
            (self._folder / name).unlink(missing_ok=True)
            left -= size


def is_held(if_none_match: str | None, name: str) -> bool:
    """Whether a client's ``If-None-Match`` names this mask.

    Example:
        >>> is_held('W/"ab", "cd"', "cd"), is_held("*", "cd"), is_held('"ab"', "cd"), is_held(None, "cd")
        (True, True, False, False)
    """
    given = (
        [] if if_none_match is None else [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    )
    return "*" in given or f'"{name}"' in given

"""Files appear whole or not at all: written under a temporary name in the same folder, then renamed."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from tagalign.errors import InputError

NAME_BYTES = 255
"""The longest file name that file systems take, in bytes."""
STEM_BYTES = NAME_BYTES - len("..01234567.tmp")

_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(
    r"\A(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\s*(\.|$))", re.IGNORECASE
)
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp", re.DOTALL)


def cut_bytes(name: str, limit: int) -> str:
    """The longest beginning of a file name that takes at most ``limit`` bytes on disk.

    >>> cut_bytes("長長長", 7)
    '長長'
    """
    raw = os.fsencode(name)
    return name if len(raw) <= limit else os.fsdecode(raw[:limit].decode("utf-8", "ignore").encode())


def shortened(name: str, limit: int) -> str:
    """The name within a limit of bytes; a longer one ends in a mark made from the whole.

    >>> shortened("a" * 40, 20)
    'aaaaaaaaaaa-e33cdf9c'
    """
    return name if len(os.fsencode(name)) <= limit else marked(name, name, limit)


def marked(name: str, key: str, limit: int) -> str:
    """The name with a mark made from a key, within a limit of bytes."""
    mark = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{cut_bytes(name, limit - 9)}-{mark}"


def portable(name: str) -> str:
    """The name of a file as every system takes it: what Windows refuses or drops becomes ``_``.

    Letters that it refuses, blanks and dots at the end, and names of its devices, whatever ending they have.

    >>> portable('day 1: "a?"'), portable("b..."), portable("con.x"), portable("Aux"), portable("icon.b")
    ('day 1_ _a__', 'b___', 'con_.x', 'Aux_', 'icon.b')
    """
    name = _REFUSED.sub("_", name)
    kept = name.rstrip(". ")
    name = kept + "_" * (len(name) - len(kept))
    return _DEVICE.sub(r"\g<0>_", name)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well it becomes ``path``, else it is removed.

    The name starts with a dot and ends in ``.tmp``, so no pattern for data files matches what a killed
    process leaves; writers that guess a format from the name must be told it
    (``image.save(temp, format="PNG")``). Missing folders of ``path`` are made. An older file stays untouched
    until the rename.

    Raises:
        InputError: if the system refuses to write (full disk, no permission, not a folder), or another run takes the
            temporary file for one that a killed run left.

    Example:
        >>> with atomic_write(getfixture("tmp_path") / "a.txt") as temp:
        ...     _ = temp.write_text("whole")
    """
    path = Path(path)
    temp = path.with_name(f".{cut_bytes(path.name, STEM_BYTES)}.{secrets.token_hex(4)}.tmp")
    try:
        with refused_in_one_line(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temp.touch()
            mode = temp.stat().st_mode
            try:
                yield temp
                temp.chmod(mode)  # safetensors writes files that only their owner can read
                _flush(temp)
                temp.replace(path)
            except FileNotFoundError as error:
                if temp.exists():  # another file is missing
                    raise
                raise InputError(
                    f"cannot write {path}: it was taken away while it was written; if another run writes into this folder, "
                    "wait for it to end, or give each a folder of its own"
                ) from error
    finally:
        # also after KeyboardInterrupt; after the rename there is nothing left to remove
        if temp.exists():
            temp.unlink()


@contextmanager
def refused_in_one_line(path: Path) -> Iterator[None]:
    """What the system says when it takes no more of a file, with the name of that file.

    Raises:
        InputError: for a full disk, a missing permission, and whatever else the system refuses.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        if "I/O error" not in str(error):  # tensors that cannot be stored are a fault of ours
            raise
        raise InputError(f"cannot write {path}: {error}") from error


def sweep(folder: Path, names: Iterable[str] | None = None) -> None:
    """Remove what killed runs left of these files, of all files where the folder is the caller's alone.

    Temporary files of other names belong to others.
    """
    wanted = None if names is None else {cut_bytes(name, STEM_BYTES) for name in names}
    for path in list(folder.glob(".*.tmp")):
        found = _TEMPORARY.fullmatch(path.name)
        if found is not None and (wanted is None or found["name"] in wanted):
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Without it a power cut after the rename can leave an empty file under the final name."""
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes what may be written alone
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """A new name is on the disk when its folder is; Windows opens no folder and flushes names by itself."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

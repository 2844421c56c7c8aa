"""Photos inside uncompressed tars, and everything about a tar that would lose one without a word."""

import contextlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tagalign.backbones.image_formats import image_suffixes
from tagalign.tags.captions.tar_end import bad_end
from tagalign.tasks.photos.keys import path_of
from tagalign.tasks.photos.source import PhotoSource

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


def is_tar(name: str) -> bool:
    """By its ending, compressed or not."""
    return name.lower().endswith((".tar", *COMPRESSED))


def members(path: str) -> Iterator[PhotoSource]:
    """Photos of a tar in their order, then what is wrong with it, if anything.

    A member that is a link, holes or a second one of its name is passed over with its reason.
    """
    if path.lower().endswith(COMPRESSED):
        # images are compressed already, and a compressed tar cannot be entered in the middle
        yield PhotoSource(path=path, problem="expected an uncompressed tar; decompress it first")
        return
    try:
        with tarfile.open(path, "r:") as tar:
            with contextlib.suppress(tarfile.TarError):  # at the end of what can be read; said below
                yield from _photos(tar, path)
            problem = _lost(tar, path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        empty = os.path.exists(path) and os.path.getsize(path) == 0  # noqa: PTH110, PTH202
        problem = "the tar is empty" if empty else f"expected an uncompressed tar ({error})"
    if problem is not None:
        yield PhotoSource(path=path, problem=problem)


def _photos(tar: tarfile.TarFile, path: str) -> Iterator[PhotoSource]:
    seen: set[int] = set()
    while (member := tar.next()) is not None:
        # members are dropped as they come: TarFile keeps them all otherwise
        tar.members = []  # type: ignore[attr-defined]
        if member.isdir() or Path(member.name).suffix.lower() not in image_suffixes():
            continue
        problem = _unusable(member)
        if problem is None and hash(member.name) in seen:
            problem = "the tar holds a second photo of this name"
        seen.add(hash(member.name))
        if problem is not None:
            yield PhotoSource(path=path, member=member.name, problem=problem)
        else:
            yield PhotoSource(path=path, member=member.name, offset=member.offset_data, length=member.size)


def _unusable(member: tarfile.TarInfo) -> str | None:
    if member.islnk() or member.issym():
        return f"a link to {member.linkname} inside the tar; give the photo itself"
    if not member.isreg() or member.issparse():
        return "not a plain file inside the tar"
    return None


def _lost(tar: tarfile.TarFile, path: str) -> str | None:
    """Why photos are lost at the end of a tar; None where it ends as it should."""
    with Path(path).open("rb") as file:
        problem = bad_end(file, tar.offset)
    return None if problem is None else f"{problem}; photos behind that are lost"


def source_of(key: str) -> PhotoSource:
    """A photo by its key alone: a file, or a member of a tar (found by reading the tar's headers)."""
    path = path_of(key)
    tar, found, _ = path.partition(".tar/")
    if os.path.exists(path) or not found or not os.path.isfile(tar + ".tar"):  # noqa: PTH110, PTH113
        return PhotoSource(path=path)
    for source in members(tar + ".tar"):
        if source.key == key:
            return source
    return PhotoSource(path=path, problem="no longer in the tar")

"""The photos of one shard, written down once, one line each.

So a million cost no memory, a resumed run means the same ones, and every file of results leads back to its photo.
"""

import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.json_text import json_text
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.names import count_stems, named
from tagalign.tasks.photos.source import PhotoSource


@dataclass(frozen=True, kw_only=True)
class PhotoManifest:
    """The photos of one shard, in a file with one JSON line each.

    Attributes:
        path: of that file.
        count: photos of the shard.
        part_size: photos per part.
        starts: byte at which each part begins.
        root: the folder that all photos of the run lie below.
    """

    path: Path
    count: int
    part_size: int
    starts: tuple[int, ...]
    root: str = ""

    def part(self, number: int) -> list[PhotoSource]:
        """The photos of one part."""
        with self.path.open("rb") as file:
            file.seek(self.starts[number])
            return [_source(line) for line in itertools.islice(file, self.part_size)]

    def values(self) -> dict[str, object]:
        """As JSON."""
        return {
            "count": self.count,
            "part_size": self.part_size,
            "starts": list(self.starts),
            "root": key_of(self.root),
        }


def read_manifest(path: Path) -> Iterator[PhotoSource]:
    """All photos of a manifest, one at a time.

    Raises:
        DataError: if the file is damaged.
    """
    try:
        with path.open("rb") as file:
            yield from map(_source, file)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path}: expected a list of photos, got something else ({error})") from error


def write_manifest(
    path: Path,
    sources: Iterable[PhotoSource],
    *,
    shard: tuple[int, int],
    part_size: int,
    with_names: bool = False,
    folders: Sequence[str] = (),
) -> PhotoManifest:
    """Write every ``n``-th photo from the ``i``-th on.

    Args:
        path: of the file.
        sources: all photos, in a fixed order.
        shard: ``(i, n)``.
        part_size: photos per part.
        with_names: give each photo the name of its files (see ``names``); names are handed out over all shards.
        folders: that were searched; names of photos in other formats begin below them.
    """
    # absolute and relative folders, and those of two drives, have nothing in common that a path could say
    is_alike = len({(os.path.isabs(folder), os.path.splitdrive(folder)[0]) for folder in folders}) == 1  # noqa: PTH117
    root = os.path.commonpath(folders) if is_alike else None
    if with_names:
        with tempfile.TemporaryFile() as draft:  # names depend on all photos, and memory must not
            for source in sources:
                draft.write(_line(source))
            return _write(path, _with_names(draft), shard, part_size, root)
    return _write(path, sources, shard, part_size, root)


def _with_names(draft: IO[bytes]) -> Iterator[PhotoSource]:
    draft.seek(0)
    stems = count_stems(map(_source, draft))
    draft.seek(0)
    first, second = itertools.tee(map(_source, draft))
    for source, name in zip(first, named(second, stems), strict=True):
        yield replace(source, name=name)


def _write(
    path: Path, sources: Iterable[PhotoSource], shard: tuple[int, int], part_size: int, root: str | None
) -> PhotoManifest:
    index, total = shard
    starts: list[int] = []
    count = place = 0
    with atomic_write(path) as temp, temp.open("wb") as file:
        for number, source in enumerate(sources):
            root = _common(root, source)
            # every n-th, no blocks: shards are equally long however many photos come, and nobody must count them first
            if number % total != index:
                continue
            if count % part_size == 0:
                starts.append(place)
            place += file.write(_line(source))
            count += 1
    return PhotoManifest(path=path, count=count, part_size=part_size, starts=tuple(starts), root=root or "")


def _common(root: str | None, source: PhotoSource) -> str:
    """The folder that holds the root and the photo; empty where they share none."""
    folder = os.path.dirname(source.path)  # noqa: PTH120
    if root is None or root == folder:
        return folder
    if folder.startswith(root + os.sep):
        return root
    try:
        return os.path.commonpath([root, folder])
    except ValueError:  # absolute and relative paths together
        return ""


def _line(source: PhotoSource) -> bytes:
    member = None if source.member is None else key_of(source.member)
    row = [source.key, key_of(source.path), source.offset, source.length, source.name]
    more = [] if member is None and source.problem is None else [member, source.problem]
    return json_text(row + more, ensure_ascii=False).encode() + b"\n"


def _source(line: bytes) -> PhotoSource:
    """From a line of this or an older release, which had no name and read the member from the key."""
    key, path, offset, length, *more = json.loads(line.decode("utf-8", "surrogateescape"))
    name, member, problem = (*more, None, None, None)[:3]
    if len(more) < 2 and offset is not None:
        member = key[len(path) + 1 :]
    return PhotoSource(
        path=path_of(path),
        member=None if member is None else path_of(member),
        offset=offset,
        length=length,
        name=name or "",
        problem=problem,
    )

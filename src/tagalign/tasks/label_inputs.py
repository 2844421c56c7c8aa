"""Which images a labelling run means, written down once: files, folders, patterns, lists, tars; one line per image.

The list lies on disk, so that a million images cost no memory and a resumed run means the same images.
"""

import glob
import io
import itertools
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tagalign.atomic import atomic_write
from tagalign.backbones.preprocess import open_image
from tagalign.errors import DataError, ImageError, InputError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
LIST_SUFFIXES = frozenset({".txt", ".lst"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSource:
    """Where one image is.

    Attributes:
        key: unique in the run: the path, or ``TAR/MEMBER``.
        path: of the image file, or of the tar.
        offset: of the member's bytes in an uncompressed tar; None for a file.
        length: of the member in bytes.
    """

    key: str
    path: str
    offset: int | None = None
    length: int | None = None

    def open(self) -> Image.Image:
        """The image, upright and RGB.

        Raises:
            ImageError: if it cannot be read.
        """
        if self.offset is None:
            return open_image(self.path)
        try:
            with Path(self.path).open("rb") as file:
                file.seek(self.offset)
                image = Image.open(io.BytesIO(file.read(self.length)))
        except (OSError, SyntaxError, ValueError) as error:
            raise ImageError(f"{self.key}: not an image that can be read ({error})") from error
        try:
            return open_image(image)
        except ImageError as error:
            raise ImageError(str(error).replace("image:", f"{self.key}:", 1)) from error


def list_sources(inputs: Sequence[str], lines: Iterable[str] = ()) -> Iterator[ImageSource]:
    """All images meant, in a fixed order, one at a time.

    Args:
        inputs: image files, folders (searched below), glob patterns, lists of paths (``.txt``), tars (uncompressed), or
            ``-`` for ``lines``.
        lines: paths, for ``-``.

    Raises:
        InputError: if an input means no image at all.
        DataError: for a tar that is damaged or compressed.
    """
    seen: set[int] | None = set() if len(inputs) > 1 else None
    for item in inputs:
        sources = _expand(item, lines)
        first = next(sources, None)
        if first is None:
            raise InputError(f"{item}: {_why_nothing(item)}")
        for source in itertools.chain([first], sources):
            # two inputs can mean one image; 64-bit hashes instead of keys keep this small
            if seen is not None:
                if (mark := hash(source.key)) in seen:
                    continue
                seen.add(mark)
            yield source


def _expand(item: str, lines: Iterable[str]) -> Iterator[ImageSource]:
    path = Path(item)
    if item == "-":
        yield from _listed(lines)
    elif path.is_dir():
        yield from _below(str(path))
    elif path.suffix.lower() in LIST_SUFFIXES and path.is_file():
        with path.open(encoding="utf-8-sig") as file:
            yield from _listed(file)
    elif path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")) and path.is_file():
        yield from _members(item)
    elif path.is_file():
        yield ImageSource(key=item, path=item)
    else:
        for name in sorted(glob.glob(item, recursive=True)):  # noqa: PTH207 - Path.glob refuses absolute patterns
            if Path(name).is_file():
                yield from _expand(name, ())


def _listed(lines: Iterable[str]) -> Iterator[ImageSource]:
    for line in lines:
        if name := line.rstrip("\r\n"):
            yield ImageSource(key=name, path=name)


def _below(folder: str) -> Iterator[ImageSource]:
    """Images and tars of a folder and of those below it, each folder in the order of names."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_folder in names:
        path = os.path.join(folder, name)  # noqa: PTH118 - a million Path objects are slow
        if is_folder:
            yield from _below(path)
        elif name.lower().endswith(".tar"):
            yield from _members(path)
        elif os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122
            yield ImageSource(key=path, path=path)


def _members(path: str) -> Iterator[ImageSource]:
    try:
        with tarfile.open(path, "r:") as tar:
            # members are dropped as they come: TarFile keeps them all otherwise
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]
                if member.isfile() and Path(member.name).suffix.lower() in IMAGE_SUFFIXES:
                    key = f"{path}/{member.name}"
                    yield ImageSource(key=key, path=path, offset=member.offset_data, length=member.size)
    except tarfile.TarError as error:
        raise DataError(
            f"{path}: expected an uncompressed tar (decompress .tar.gz first: images are compressed already), {error}"
        ) from error


def _why_nothing(item: str) -> str:
    if item == "-":
        return "no path came on standard input"
    if Path(item).is_dir():
        return f"no image in this folder (looked for {', '.join(sorted(IMAGE_SUFFIXES))} and .tar)"
    if Path(item).is_file():
        return "no image in it"
    return "no file matches this pattern" if glob.has_magic(item) else "no such file"


# --- the list on disk -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The images of one shard, in a file with one JSON line each.

    Attributes:
        path: of that file.
        count: images of the shard.
        part_size: images per part.
        starts: byte at which each part begins.
    """

    path: Path
    count: int
    part_size: int
    starts: tuple[int, ...]

    def part(self, number: int) -> list[ImageSource]:
        """The images of one part."""
        with self.path.open("rb") as file:
            file.seek(self.starts[number])
            return [_source(line) for line in itertools.islice(file, self.part_size)]

    def values(self) -> dict[str, object]:
        """As JSON."""
        return {"count": self.count, "part_size": self.part_size, "starts": list(self.starts)}


def _source(line: bytes) -> ImageSource:
    key, path, offset, length = json.loads(line)
    return ImageSource(key=key, path=path, offset=offset, length=length)


def write_manifest(
    path: Path, sources: Iterable[ImageSource], *, shard: tuple[int, int], part_size: int
) -> Manifest:
    """Write every ``n``-th image from the ``i``-th on.

    Args:
        path: of the file.
        sources: all images, in a fixed order.
        shard: ``(i, n)``.
        part_size: images per part.
    """
    index, total = shard
    starts: list[int] = []
    count = place = 0
    with atomic_write(path) as temp, temp.open("wb") as file:
        for source in itertools.islice(sources, index, None, total):
            if count % part_size == 0:
                starts.append(place)
            row = [source.key, source.path, source.offset, source.length]
            place += file.write(
                json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"
            )
            count += 1
    return Manifest(path=path, count=count, part_size=part_size, starts=tuple(starts))


def open_key(key: str) -> Image.Image:
    """An image by its key alone: a file, or a member of a tar (found by reading the tar's headers).

    Raises:
        ImageError: if it cannot be read.
    """
    tar, found, _ = key.partition(".tar/")
    if not found or not Path(tar + ".tar").is_file():
        return open_image(key)
    for source in _members(tar + ".tar"):
        if source.key == key:
            return source.open()
    raise ImageError(f"{key}: no longer in the tar")

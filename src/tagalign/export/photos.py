"""How exports find photos: what a result is called, and that the photo is there, is one, and has the size of its masks.

A run writes which photo each of its results belongs to (``inputs-*.jsonl``; see ``docs/formats.md``). Results of older
releases have no such list: their masks are matched by file name.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from tagalign.backbones.image_formats import image_suffixes
from tagalign.errors import DataError, InputError
from tagalign.labels import Size
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.manifest import PhotoManifest, read_manifest
from tagalign.tasks.photos.source import PhotoSource

PART = re.compile(r"part-(?P<shard>\d+-of-\d+)-(?P<number>\d+)\.\w+")


@dataclass(kw_only=True)
class PhotoNames:
    """What photos are called in an export, each once.

    Attributes:
        photos: folder that names are relative to; without it the folder that held all photos of the run.
        root: that folder.
    """

    photos: Path | None = None
    root: str = ""
    _given: dict[str, str] = field(default_factory=dict)
    _by_name: dict[str, list[Path]] | None = None

    def __post_init__(self) -> None:
        if self.photos is not None and not self.photos.is_dir():
            raise InputError(f"--photos {self.photos}: expected the folder of the photos, found none")

    def of(self, source: PhotoSource, size: Size | None = None) -> str:
        """The name of a photo, relative, with ``/`` between folders; text that ``keys.path_of`` leads back.

        Args:
            source: from the list of the run.
            size: of its masks; None where there are none to compare.

        Raises:
            DataError: if the photo is not there, is one of several, or has another size than its masks.
        """
        place = self._place(source, needed=size is not None)
        name = key_of(_relative(source.path, self.root) if self.photos is None else place.as_posix())
        if source.member is not None:
            name = f"{name}/{key_of(source.member)}"
        if size is not None:
            self._check_size(source, place if self.photos is None else self.photos / place, size)
        self._check_once(name, source.key)
        return name

    def of_mask(self, mask: Path, size: Size) -> str:
        """The name of the photo of a mask that only its own name leads to; without ``photos`` the mask's own."""
        if self.photos is None:
            return mask.name
        found = self._named(mask.stem)
        place = self._only(found, f"the mask {mask.name}")
        self._check_size(PhotoSource(path=str(place)), place, size)
        name = key_of(place.relative_to(self.photos).as_posix())
        self._check_once(name, mask.name)
        return name

    def _place(self, source: PhotoSource, *, needed: bool) -> Path:
        """Of the file, below ``photos`` where they are given."""
        if self.photos is None:
            path = Path(source.path)
            if needed and not path.is_file():
                raise DataError(
                    f"{source.key}: the photo of this result is not there; give the folder with --photos FOLDER"
                )
            return path
        pure = PurePath(source.path)
        own = Path(source.path).absolute()
        if own.is_relative_to(self.photos.absolute()) and own.is_file():
            return own.relative_to(self.photos.absolute())
        # the photos were moved: the longest end of the path that is there
        parts = pure.parts[1:] if pure.is_absolute() else pure.parts
        for start in range(len(parts)):
            tail = Path(*parts[start:])
            if ".." not in tail.parts and (self.photos / tail).is_file():
                return tail
        found = [place for place in self._named(pure.stem) if place.name == pure.name]
        return self._only(found, source.key).relative_to(self.photos)

    def _named(self, stem: str) -> list[Path]:
        """Photos and tars below ``photos`` by their name without ending."""
        if self._by_name is None:
            self._by_name = {}
            endings = image_suffixes() | {".tar"}
            for path in sorted(self.photos.rglob("*") if self.photos else ()):
                if path.suffix.lower() in endings:
                    self._by_name.setdefault(path.stem, []).append(path)
        return self._by_name.get(stem, [])

    def _only(self, found: list[Path], what: str) -> Path:
        if not found:
            raise DataError(f"{what}: its photo is not in {self.photos}")
        if len(found) > 1:
            shown = ", ".join(key_of(str(path)) for path in found[:3])
            raise DataError(f"{what}: {len(found)} photos of this name are in {self.photos}: {shown}")
        return found[0]

    def _check_size(self, source: PhotoSource, place: Path, size: Size) -> None:
        moved = PhotoSource(path=str(place), member=source.member, offset=source.offset, length=source.length)
        found = moved.size()
        if found != tuple(size):
            raise DataError(
                f"{moved.key}: the photo is {found[0]} x {found[1]} pixels (height x width), its mask "
                f"{size[0]} x {size[1]}; it is another photo, or it was changed after the run"
            )

    def _check_once(self, name: str, key: str) -> None:
        other = self._given.setdefault(name, key)
        if other != key:
            raise DataError(f"{key} and {other}: both lead to the photo {name}; give --photos one folder up")


def _relative(path: str, root: str) -> str:
    """Below the root, and never absolute: formats that put files beside photos could not follow."""
    pure = PurePath(path)
    if root and pure.is_relative_to(root):
        pure = pure.relative_to(root)
    parts = pure.parts[1:] if pure.is_absolute() else pure.parts
    return "/".join(part for part in parts if part != "..")


# --- what a run wrote -----------------------------------------------------------------------------------------------


def run_root(folder: Path) -> str:
    """The folder that all photos of a run lie below; empty where the run says none.

    Raises:
        DataError: for a head that cannot be read.
    """
    for head in sorted(folder.glob("run-*-of-*.json")):
        try:
            return path_of(str(json.loads(head.read_text(encoding="utf-8")).get("root", "")))
        except (OSError, ValueError, AttributeError) as error:
            raise DataError(f"{head}: damaged ({error})") from error
    return ""


def named_sources(folder: Path) -> Iterator[PhotoSource]:
    """Photos of a run that writes files of single photos, with the names of those; all shards."""
    for path in sorted(folder.glob("inputs-*-of-*.jsonl")):
        yield from (source for source in read_manifest(path) if source.name)


def part_sources(folder: Path, part: Path) -> dict[str, PhotoSource]:
    """The photos of one part of a run by their keys; none for results without a list."""
    found = PART.fullmatch(part.name)
    if found is None:
        return {}
    head = folder / f"run-{found['shard']}.json"
    inputs = folder / f"inputs-{found['shard']}.jsonl"
    if not head.is_file() or not inputs.is_file():
        return {}
    try:
        values = json.loads(head.read_text(encoding="utf-8"))
        manifest = PhotoManifest(
            path=inputs,
            count=values["count"],
            part_size=values["part_size"],
            starts=tuple(values["starts"]),
        )
        return {source.key: source for source in manifest.part(int(found["number"]))}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{head}: does not fit {part.name} ({type(error).__name__}: {error})") from error

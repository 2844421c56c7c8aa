"""The photos of a folder, found by whatever annotation files call them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path, PurePosixPath

from PIL import Image

from tagalign.backbones.image_formats import DAMAGED, image_suffixes, register_plugins
from tagalign.backbones.preprocess import ORIENTATION, TURNED, upright_size
from tagalign.data.annotations.photo_names import (
    is_inline,
    possible_paths,
    uploaded_form,
    without_upload_mark,
)
from tagalign.errors import DataError, InputError
from tagalign.labels import Size
from tagalign.tasks.photos.names import folded

LISTED = 3
RESULTS = re.compile(r"import\.json|run-\d+-of-\d+\.json")
"""In a folder that an import or a run has written."""


class PhotoNotFound(DataError):
    """A name that leads to no photo, or to several."""


@dataclass(frozen=True, kw_only=True)
class FoundPhoto:
    """A photo of the folder.

    Attributes:
        place: relative to the folder, with ``/`` between folders.
        path: where it lies.
        size: of the upright photo, as people see it.
        orientation: 1 to 8, what its EXIF mark asks for.
    """

    place: str
    path: Path
    size: Size
    orientation: int

    @property
    def stored_size(self) -> Size:
        """Of the pixels as they are in the file."""
        return (self.size[1], self.size[0]) if self.orientation in TURNED else self.size


class PhotoFolder:
    """The photos of a folder and of the folders below it; looked through once, at the first question.

    Args:
        folder: of the photos.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"--photos {folder}: expected the folder of the photos, found none")
        self.folder = folder
        self._opened = lru_cache(maxsize=1024)(self._open)

    def find(self, name: str, *, is_address: bool = False) -> FoundPhoto:
        """The photo of a name: of all that are called so, the one whose folders agree with the most of its path.

        Case, the Unicode form and a missing ending do not matter where nothing fits better.

        Raises:
            PhotoNotFound: if none fits, or several do equally.
            DataError: if the photo cannot be read.
        """
        return self._opened(self.place_of(name, is_address=is_address))

    def places(self) -> list[str]:
        """Of all photos, relative to the folder, sorted."""
        return sorted(self._places)

    def place_of(self, name: str, *, is_address: bool = False) -> str:
        """Where the photo of a name lies, relative to the folder; it is not opened. See ``find``.

        Raises:
            PhotoNotFound: if none fits, or several do equally.
        """
        if is_inline(name):
            raise PhotoNotFound("the picture stands inside the file; save it as a photo first")
        paths = [_parts(path) for path in possible_paths(name, is_address=is_address)]
        for parts in paths:
            if "/".join(parts) in self._places:
                return "/".join(parts)
        for parts in paths:
            if parts and (found := self._by_name.get(folded(parts[-1]))):
                return _best(found, parts)
        for path in possible_paths(name, is_address=is_address):
            if (sent := without_upload_mark(path)) and (found := self._by_upload.get(uploaded_form(sent))):
                return _best(found, [sent])
        raise PhotoNotFound(f"no photo of this name in {self.folder}")

    def _open(self, place: str) -> FoundPhoto:
        path = self.folder / place
        register_plugins()
        try:
            with Image.open(path) as image:
                orientation = int(image.getexif().get(ORIENTATION, 1))
                size = upright_size(image)
        except DAMAGED as error:
            raise DataError(f"the photo is damaged ({error})") from error
        orientation = orientation if 1 <= orientation <= 8 else 1
        return FoundPhoto(place=place, path=path, size=size, orientation=orientation)

    # --- what is there ----------------------------------------------------------------------------------------------

    @cached_property
    def _places(self) -> set[str]:
        return set(_photos_below(self.folder))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """By the name alone, with and without its ending."""
        found: dict[str, list[str]] = {}
        for place in sorted(self._places):
            pure = PurePosixPath(place)
            for name in dict.fromkeys((pure.name, pure.stem)):
                found.setdefault(folded(name), []).append(place)
        return found

    @cached_property
    def _by_upload(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place in sorted(self._places):
            found.setdefault(uploaded_form(PurePosixPath(place).name), []).append(place)
        return found


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _best(places: list[str], asked: list[str]) -> str:
    """The place that agrees best.

    Raises:
        PhotoNotFound: if several do.
    """
    ranks = [_agreement(_parts(place), asked) for place in places]
    best = [place for place, rank in zip(places, ranks, strict=True) if rank == max(ranks)]
    if len(best) > 1:
        listed = ", ".join(best[:LISTED]) + (", ..." if len(best) > LISTED else "")
        raise PhotoNotFound(
            f"{len(best)} photos have this name: {listed}; give --photos so that folders tell them apart"
        )
    return best[0]


def _agreement(place: list[str], asked: list[str]) -> tuple[bool, int, int]:
    """Whether the ending agrees; how many names from the end do; how many of these in every letter."""
    own = [
        *place[:-1],
        place[-1] if folded(place[-1]) == folded(asked[-1]) else PurePosixPath(place[-1]).stem,
    ]
    pairs = list(
        takewhile(lambda pair: folded(pair[0]) == folded(pair[1]), zip(own[::-1], asked[::-1], strict=False))
    )
    return own[-1] == place[-1], len(pairs), sum(one == other for one, other in pairs)


def _photos_below(folder: Path) -> Iterator[str]:
    endings = image_suffixes()
    for below, folders, files in os.walk(folder):
        if any(map(RESULTS.fullmatch, files)):  # masks are called like their photos, and are none
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(below).relative_to(folder)
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in endings:  # noqa: PTH122 - many names
                yield (inside / name).as_posix()

"""A file or folder of another tool, opened: which format it is, and where its photos lie."""

import dataclasses
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tagalign.data.annotations.formats import READERS
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.reader import Advance, AnnotationSource
from tagalign.data.annotations.records import MarkedPhoto
from tagalign.data.annotations.told import LeftOut
from tagalign.errors import DataError, InputError
from tagalign.labels import Size

_HALVES = re.compile("[\ud800-\udfff]")
SPREADSHEETS = frozenset({".xlsx", ".xlsm", ".ods", ".numbers"})


def format_of(path: Path) -> str:
    """The name of the format that a file or folder seems to have.

    Raises:
        InputError: if there is nothing, or it is packed.
        DataError: if it looks like none of them.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected annotations of another tool")
    if path.is_file() and zipfile.is_zipfile(path):
        if path.suffix.lower() in SPREADSHEETS:
            raise InputError(f"{path}: is a spreadsheet's own format; save it as CSV (UTF-8), then give that")
        raise InputError(f"{path}: is packed; unpack it, then give the file or folder inside")
    for name, entry in READERS.items():
        if entry.looks_like(path):
            return name
    known = "; ".join(f"{name}: {entry.summary}" for name, entry in READERS.items())
    raise DataError(
        f"{path}: is none of the formats that are read ({known}); --read-as NAME reads it as one of them"
    )


def photos_beside(path: Path, name: str) -> Path:
    """Where the photos of annotations lie by the custom of their format."""
    folder = path if path.is_dir() else path.parent
    places = [folder / place for place in READERS.find(name).photos]
    return next((place for place in places if place.is_dir()), folder)


class OpenedAnnotations:
    """Annotations and the folder of their photos.

    Args:
        path: of the file or folder.
        photos: that the annotations are about.
        name: of the format.
        missing_is_empty: see ``AnnotationSource``.
        advance: see ``AnnotationSource``.

    Attributes:
        told: what was left out so far.
    """

    def __init__(
        self,
        path: Path,
        photos: PhotoFolder,
        name: str,
        *,
        missing_is_empty: bool = False,
        advance: Advance = lambda entries: None,
    ) -> None:
        self._entry, self._photos = READERS.find(name), photos
        self.told = LeftOut()
        self._source = AnnotationSource(
            path=path,
            size_of=self._size_of,
            place_of=self._place_of,
            places=photos.places,
            missing_is_empty=missing_is_empty,
            told=self.told,
            advance=advance,
        )

    def read(self) -> Iterator[MarkedPhoto]:
        """The photos, as the file has them.

        Raises:
            DataError: if the file is damaged as a whole.
        """
        for marked in self._entry.read(self._source):
            self._source.advance(1)
            yield _written(marked)

    @property
    def names(self) -> tuple[str, ...]:
        """Labels that the file knows; all of them once it has been read."""
        return tuple(dict.fromkeys(map(_text, self._source.names)))

    def _size_of(self, name: str) -> Size | None:
        try:
            return self._photos.find(name).size
        except DataError:
            return None

    def _place_of(self, name: str) -> str | None:
        try:
            return self._photos.place_of(name)
        except DataError:
            return None


def _written(marked: MarkedPhoto) -> MarkedPhoto:
    """With labels that any file can hold."""
    if all(label == _text(label) for label in (*marked.tags, *marked.given, *marked.labels)):
        return marked
    return dataclasses.replace(
        marked,
        regions=tuple(dataclasses.replace(one, label=_text(one.label)) for one in marked.regions),
        tags=tuple(map(_text, marked.tags)),
        given=tuple(map(_text, marked.given)),
    )


def _text(label: str) -> str:
    """Half a character, which JSON and YAML can escape and no file in UTF-8 can hold, becomes a blank box."""
    return _HALVES.sub("\ufffd", label)

"""Encoded photos of the first pass, kept for the second: ``tag --look auto`` opens and encodes no photo twice if they fit.

In memory first, then in a file without a name beside the look: it goes with the process, whatever ends it.
"""

import pickle
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import AskedTags
from tagalign.tasks.photos.source import PhotoSource
from tagalign.types import EncodedImage, EncodedLabels

KEPT_BYTES = 2**30
"""In memory, of all photos together: some 600 of 448 pixels with 512 numbers a patch."""
SPILL_SHARE = 0.5
"""Of the free space of the disk that the others may take: those 600 need 1 GB, and who writes results needs space too."""


@dataclass(frozen=True, kw_only=True)
class KeptPhoto:
    """What the second pass needs of a photo.

    Attributes:
        photo: as it was opened, without its pixels.
        encoded: by the method; None where it lies on disk.
        place: of its first byte on disk.
        size: in bytes, there.
    """

    photo: OpenedPhoto
    encoded: EncodedImage | None
    place: int = 0
    size: int = 0


@dataclass
class KeptPhotos:
    """Encoded photos by key, as many as fit.

    Attributes:
        most: bytes in memory.
        spill: folder on whose disk the others lie; None for nowhere.
        share: of its free space that they may take.
    """

    most: int = KEPT_BYTES
    spill: Path | None = None
    share: float = SPILL_SHARE
    _photos: dict[str, KeptPhoto] = field(default_factory=dict)
    _bytes: int = 0
    _file: IO[bytes] | None = None
    _room: int = 0

    def __enter__(self) -> "KeptPhotos":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._photos.clear()
        if self._file is not None:
            self._file.close()

    def add(self, opened: OpenedPhoto, encoded: EncodedImage) -> None:
        """Keep a photo where there is room."""
        size = sum(view.embeds.numel() * view.embeds.element_size() for view in encoded.views)
        photo = replace(opened, image=None, pixels=None)
        if self._bytes + size <= self.most:
            self._photos[opened.source.key] = KeptPhoto(photo=photo, encoded=encoded)
            self._bytes += size
        elif size <= self._left():
            self._write(photo, encoded)

    def photo(self, source: PhotoSource) -> OpenedPhoto | None:
        """A photo that was kept, as it was opened; None for another."""
        found = self._photos.get(source.key)
        return None if found is None else found.photo

    def take(self, key: str) -> EncodedImage | None:
        """A photo that was kept, once; None for another."""
        found = self._photos.pop(key, None)
        if found is None or found.encoded is not None or self._file is None:
            return None if found is None else found.encoded
        self._file.seek(found.place)
        encoded: EncodedImage = pickle.loads(self._file.read(found.size))  # noqa: S301 - our own, without a name
        return encoded

    def _left(self) -> int:
        """Bytes that may still go to disk."""
        if self._file is None and self.spill is not None:
            self.spill.mkdir(parents=True, exist_ok=True)
            self._room = int(self.share * shutil.disk_usage(self.spill).free)
            self._file = tempfile.TemporaryFile(dir=self.spill)  # noqa: SIM115 - closed with this
        return self._room

    def _write(self, photo: OpenedPhoto, encoded: EncodedImage) -> None:
        if self._file is None:
            raise AssertionError("there is room on a disk without a file")
        content = pickle.dumps(encoded, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            place = self._file.seek(0, 2)
            self._file.write(content)
        except OSError:  # the disk is full after all: the rest is encoded again
            self._room = 0
            return
        self._photos[photo.source.key] = KeptPhoto(photo=photo, encoded=None, place=place, size=len(content))
        self._room -= len(content)


class AskedAgain(AskedTags):
    """The question of the second pass; what the first has encoded is taken from there."""

    def __init__(self, question: Any, method: Any, labels: EncodedLabels, kept: KeptPhotos) -> None:
        super().__init__(question, method, labels)
        self.kept = kept

    def recall(self, source: PhotoSource) -> OpenedPhoto | None:
        """See ``Asked``."""
        return self.kept.photo(source)

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[Any]:
        """See ``Asked``."""
        found = [self.kept.take(photo.source.key) for photo in chunk]
        missing = [_opened(photo) for photo, one in zip(chunk, found, strict=True) if one is None]
        encoded = iter(super().encode(missing) if missing else ())
        return [next(encoded) if one is None else one for one in found]


def _opened(photo: OpenedPhoto) -> OpenedPhoto:
    """With its pixels: one that was given twice is kept once."""
    known = photo.image is not None or photo.pixels is not None
    return photo if known else replace(photo, image=photo.source.open(photo.seen))

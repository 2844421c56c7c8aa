"""Encoded photos of the first pass, kept for the second: ``tag --look auto`` opens and encodes no photo twice if they fit.

In memory first, then in a file beside the look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from tagalign.tasks.folder_look.spill import Spilled, SpillFile
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import AskedTags
from tagalign.tasks.photos.source import PhotoSource
from tagalign.types import EncodedImage, EncodedLabels

KEPT_BYTES = 2**30
"""In memory, of all photos together: some 600 of 448 pixels with 512 numbers a patch."""


@dataclass(frozen=True, kw_only=True)
class KeptPhoto:
    """What the second pass needs of a photo.

    Attributes:
        photo: as it was opened, without its pixels.
        encoded: by the method, or where that lies on disk.
    """

    photo: OpenedPhoto
    encoded: EncodedImage | Spilled


@dataclass
class KeptPhotos:
    """Encoded photos by key, as many as fit.

    Attributes:
        most: bytes in memory.
        spill: folder on whose disk the others lie; None for nowhere.
    """

    most: int = KEPT_BYTES
    spill: Path | None = None
    _photos: dict[str, KeptPhoto] = field(default_factory=dict)
    _bytes: int = 0
    _file: SpillFile | None = None

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
        kept: EncodedImage | Spilled | None = encoded
        if self._bytes + size <= self.most:
            self._bytes += size
        else:
            kept = self._spilled(encoded)
        if kept is not None:
            photo = replace(opened, image=None, pixels=None)
            self._photos[opened.source.key] = KeptPhoto(photo=photo, encoded=kept)

    def photo(self, source: PhotoSource) -> OpenedPhoto | None:
        """A photo that was kept, as it was opened; None for another."""
        found = self._photos.get(source.key)
        return None if found is None else found.photo

    def take(self, key: str) -> EncodedImage | None:
        """A photo that was kept, once; None for another."""
        found = self._photos.pop(key, None)
        if found is None:
            return None
        if not isinstance(found.encoded, Spilled):
            return found.encoded
        if self._file is None:
            raise AssertionError("what was spilled lies in a file")
        encoded: EncodedImage = self._file.read(found.encoded)
        return encoded

    def _spilled(self, encoded: EncodedImage) -> Spilled | None:
        if self._file is None and self.spill is not None:
            self._file = SpillFile(self.spill)
        return None if self._file is None else self._file.write(encoded)


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
        missing = [self._opened(photo) for photo, one in zip(chunk, found, strict=True) if one is None]
        encoded = iter(super().encode(missing) if missing else ())
        return [next(encoded) if one is None else one for one in found]

    def _opened(self, photo: OpenedPhoto) -> OpenedPhoto:
        """With its pixels: one that was given twice is kept once."""
        if photo.image is not None or photo.pixels is not None:
            return photo
        image = photo.source.open(photo.seen)
        return replace(photo, image=image, pixels=self.lay(image))

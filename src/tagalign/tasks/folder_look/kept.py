"""Encoded photos of the first pass, kept for the second: ``tag --look auto`` encodes no photo twice where they fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import AskedTags
from tagalign.types import EncodedImage, EncodedLabels

KEPT_BYTES = 2**30
"""Of all photos together: some 600 of 448 pixels with 512 numbers a patch. The others are encoded again."""


@dataclass
class KeptPhotos:
    """Encoded photos by key, as many as fit.

    Attributes:
        most: bytes.
    """

    most: int = KEPT_BYTES
    _photos: dict[str, EncodedImage] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, key: str, encoded: EncodedImage) -> None:
        """Keep a photo where there is room."""
        size = sum(view.embeds.numel() * view.embeds.element_size() for view in encoded.views)
        if self._bytes + size <= self.most:
            self._photos[key] = encoded
            self._bytes += size

    def take(self, key: str) -> EncodedImage | None:
        """A photo that was kept, once; None for another."""
        return self._photos.pop(key, None)


class AskedAgain(AskedTags):
    """The question of the second pass; what the first has encoded is taken from there."""

    def __init__(self, question: Any, method: Any, labels: EncodedLabels, kept: KeptPhotos) -> None:
        super().__init__(question, method, labels)
        self.kept = kept

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[Any]:
        """See ``Asked``."""
        found = [self.kept.take(photo.source.key) for photo in chunk]
        missing = [photo for photo, one in zip(chunk, found, strict=True) if one is None]
        encoded = iter(super().encode(missing) if missing else ())
        return [next(encoded) if one is None else one for one in found]

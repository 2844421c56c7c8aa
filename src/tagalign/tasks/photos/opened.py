"""A photo between its file and the model: what the stream opens and the questions encode."""

from dataclasses import dataclass
from typing import Any

from PIL import Image

from tagalign.backbones.preprocess import SeenSize
from tagalign.errors import TagalignError
from tagalign.labels import Size
from tagalign.tasks.photos.source import PhotoSource


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedPhoto:
    """A photo that was decoded, and prepared for the model where the method can do that ahead.

    Attributes:
        source: of the photo.
        image: the photo; None where nothing needs it any more.
        pixels: from ``Preparable.lay``.
        size: ``(height, width)`` of what was decoded.
        full_size: of the photo in its file; None where all of it was decoded.
        seen: how it was opened; see ``PhotoSource.open``.
        note: see ``PhotoSource.open``.
        error: why it cannot be opened.
    """

    source: PhotoSource
    image: Image.Image | None = None
    pixels: Any = None
    size: Size = (0, 0)
    full_size: Size | None = None
    seen: SeenSize | None = None
    note: str | None = None
    error: TagalignError | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the encoder's input where it is laid, else ``size``."""
        return self.size if self.pixels is None else tuple(self.pixels.shape)

    @property
    def photo_size(self) -> Size:
        """``(height, width)`` of the photo, whatever was decoded of it."""
        return self.full_size or self.size

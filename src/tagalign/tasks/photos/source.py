"""Where one photo is, and how it is opened."""

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tagalign.errors import DataError, ImageError
from tagalign.tasks.photos.keys import key_of, printable

if TYPE_CHECKING:
    # what opens photos imports torch, and a photo that is not there is said without it
    from tagalign.backbones.preprocess import SeenSize
    from tagalign.labels import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoSource:
    r"""One photo that a run means, or something that stood where photos were looked for and cannot be used.

    Attributes:
        path: of the image file, or of the tar; bytes that are no text as ``os.fsdecode`` gives them.
        member: name inside the tar.
        offset: of the member's bytes in an uncompressed tar; None for a file.
        length: of the member in bytes.
        name: of its results: ``NAME.png`` and so on; empty where a run writes no files of single photos.
        problem: why it cannot be used, where that was seen before it was opened.
    """

    path: str
    member: str | None = None
    offset: int | None = None
    length: int | None = None
    name: str = ""
    problem: str | None = None

    @property
    def key(self) -> str:
        """Unique in the run: the path, or ``TAR/MEMBER``; see ``keys.key_of``."""
        return key_of(self.path if self.member is None else f"{self.path}/{self.member}")

    def open(self, seen: "SeenSize | None" = None) -> Image.Image:
        """The photo, upright and RGB; ``info["note"]`` says where its values had to be scaled.

        Args:
            seen: where a smaller picture is enough; see ``open_image``.

        Raises:
            ImageError: if it cannot be read.
            DataError: if it is no photo but a folder, link or tar that could not be searched.
        """
        from tagalign.backbones.preprocess import open_image

        if self.problem is not None:
            raise DataError(f"{self.key}: {self.problem}")
        try:
            if self.offset is None:
                _refuse_streams(self.path)
                return open_image(self.path, seen=seen)
            return open_image(self._bytes(), seen=seen)
        except ImageError as error:
            text = printable(str(error).removeprefix(f"{self.path}: ").removeprefix("image: "))
            raise ImageError(f"{self.key}: {text}") from error

    def size(self) -> "Size":
        """``(height, width)`` as the photo is shown, from its head alone.

        Raises:
            ImageError: if it cannot be read.
        """
        from tagalign.backbones.image_formats import DAMAGED
        from tagalign.backbones.preprocess import upright_size

        try:
            with Image.open(self.path if self.offset is None else self._bytes()) as image:
                return upright_size(image)
        except DAMAGED as error:
            raise ImageError(f"{self.key}: not an image that can be read ({error})") from error

    def _bytes(self) -> io.BytesIO:
        try:
            with Path(self.path).open("rb") as file:
                file.seek(self.offset or 0)
                raw = file.read(self.length)
        except OSError as error:
            raise ImageError(f"the tar cannot be read ({error.strerror})") from error
        if len(raw) != self.length:
            raise ImageError(f"the tar ends inside it ({len(raw)} of {self.length} bytes are there)")
        return io.BytesIO(raw)


def _refuse_streams(path: str) -> None:
    """A pipe or a device that is named like a photo would be waited for without end."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a million Path objects are slow
    except (OSError, ValueError):
        return  # opening says why
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ImageError(f"{path}: expected an image file, got a pipe or a device")

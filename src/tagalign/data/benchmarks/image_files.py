"""What benchmarks that are a list of image files have in common."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tagalign.backbones.preprocess import open_image


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFiles:
    """A split whose items are image files; each counts as one where nothing else is said.

    Attributes:
        name: of the benchmark.
        split: of it.
        images: image files.
        expected: how many ``unit`` the whole split has; 0 if that is not known.
        unit: what is counted.
    """

    name: str
    split: str
    images: tuple[Path, ...]
    expected: int = 0
    unit: str = "images"

    def __len__(self) -> int:
        return len(self.images)

    def count(self, index: int) -> int:
        """One image."""
        return 1

    def key(self, index: int) -> str:
        """Name of the image, without ending."""
        return self.images[index].stem

    def image(self, index: int) -> Image.Image:
        """The image, upright."""
        return open_image(self.images[index])

    def missing(self) -> list[Path]:
        """Images that are not there."""
        return [path for path in self.images if not path.is_file()]

"""Open and orient. The one place where (width, height) becomes (height, width).

Nothing here needs torch; photos are resized and become numbers in ``pixels``.
"""

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from tagalign.backbones.grey import Said, is_wide_grey, said_by, to_bytes
from tagalign.backbones.image_formats import DAMAGED, register_plugins
from tagalign.errors import ImageError, MissingImageError
from tagalign.labels import Size

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # OpenAI's release, channels R, G, B
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

ORIENTATION: int = ExifTags.Base.Orientation
TURNED = frozenset({5, 6, 7, 8})  # of its values: a quarter turn

MAX_PIXELS = 100_000_000
"""Images with more pixels are refused before they are decoded: a small file can unpack to gigabytes."""

FOR_SPEED = "for_speed"
"""Mark in the ``info`` of an image that was opened so."""

SeenSize = Callable[[Size], Size]
"""From the ``(height, width)`` of an upright photo to the size that will be seen of it."""

RGB = tuple[float, float, float]
"""One number per channel."""

Resample = Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
"""Filters in the order of Pillow's numbers, which processor files give."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How pixels become numbers, as the encoder was trained.

    Attributes:
        image_size: native square input in pixels.
        mean: per channel, of pixels scaled to [0, 1].
        std: likewise.
        squash: whole images were squashed to the square in training, not cropped (SigLIP).
        resample: filter of that squashing. Canvases of dense methods are resized bicubic whatever it says: so do the papers
            of all families, TIPSv2's authors too, whose processor says bilinear.
    """

    image_size: int
    mean: RGB = CLIP_MEAN
    std: RGB = CLIP_STD
    squash: bool = False
    resample: Resample = "bicubic"

    def with_statistics(self, mean: RGB | None, std: RGB | None) -> "Preprocessing":
        """The same with those of a release, where both are given."""
        return self if mean is None or std is None else replace(self, mean=mean, std=std)


def open_image(
    source: str | Path | io.BytesIO | Image.Image,
    *,
    max_pixels: int = MAX_PIXELS,
    seen: SeenSize | None = None,
) -> Image.Image:
    """An RGB image, turned upright by its EXIF mark; transparent pixels lie on white.

    Grey, palette, CMYK and 16-bit images are converted (16 bit by its upper byte, other wide greys as ``grey.to_bytes``
    says, with a sentence about it in ``image.info["note"]``); of an animation the first frame is taken.

    Args:
        source: path, bytes of a file, or an image that was opened and not decoded.
        max_pixels: of the file, whatever is decoded of it.
        seen: open it for speed: decode a JPEG at 1/2, 1/4 or 1/8 where no side becomes smaller than what this says; the size
            of the file then stands in ``image.info["full_size"]``. Other formats, and JPEGs that are not large enough, are
            decoded whole. ``resize`` may be off by 2 of 255 then.

    Raises:
        ImageError: if the file is missing, empty, truncated, no photo, or larger than ``max_pixels``.
    """
    if not isinstance(source, (str, Path, Image.Image)) and not hasattr(source, "read"):
        raise ImageError(
            f"expected a path or a PIL image, got {type(source).__name__}; of an RGB array make one: Image.fromarray(array)"
        )
    name = source if isinstance(source, (str, Path)) else "image"
    register_plugins()
    try:
        with warnings.catch_warnings():
            # our own limit below is the stricter one
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if isinstance(source, Image.Image):
                return _upright_rgb(source, name, max_pixels, seen)
            with Image.open(source) as image:
                return _upright_rgb(image, name, max_pixels, seen)
    except FileNotFoundError as error:
        raise MissingImageError(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name}: expected an image file, got a folder") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not an image that can be read (empty, or another kind of file)") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: too many pixels ({error})") from error
    except DAMAGED as error:
        raise ImageError(f"{name}: the image is damaged ({error or type(error).__name__})") from error


def _upright_rgb(
    image: Image.Image, name: object, max_pixels: int, seen: SeenSize | None = None
) -> Image.Image:
    if image.format == "EPS":  # Pillow starts Ghostscript, and a file from anywhere says what that does
        raise ImageError(f"{name}: a drawing (EPS); save it as a photo, PNG or JPEG")
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{name}: {image.width} x {image.height} pixels, at most {max_pixels:,} are opened; shrink it first"
        )
    said = said_by(image)  # turning makes a copy without the file's tags
    full = None if seen is None else _decode_smaller(image, seen)
    # Pillow copies what is upright already, and the change of colours makes a copy anyway
    upright = ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image
    rgb = _to_rgb(upright, said, name)
    rgb.info |= {} if full is None else {"full_size": full}
    rgb.info |= {} if seen is None else {FOR_SPEED: True}
    return rgb


def upright_size(image: Image.Image) -> Size:
    """``(height, width)`` of an opened file once it is turned by its EXIF mark; nothing is decoded."""
    return (image.width, image.height) if _is_turned(image) else (image.height, image.width)


def _is_turned(image: Image.Image) -> bool:
    return image.getexif().get(ORIENTATION, 1) in TURNED


def _decode_smaller(image: Image.Image, seen: SeenSize) -> Size | None:
    """Ask the decoder of a JPEG for less; returns the upright size of the file where it gives less, else None."""
    if not isinstance(image, JpegImageFile):
        return None
    before, full = image.size, upright_size(image)
    height, width = seen(full)
    least = (height, width) if _is_turned(image) else (width, height)
    image.draft(None, (max(1, least[0]), max(1, least[1])))  # None keeps the colours
    return None if image.size == before else full


def _to_rgb(image: Image.Image, said: Said, name: object) -> Image.Image:
    if is_wide_grey(image):
        grey, note = to_bytes(image, said, name)
        rgb = grey.convert("RGB")
        rgb.info |= {} if note is None else {"note": note}
        return rgb
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def short_side_size(size: Size, short_side: int, *, max_side: int = 2048, patch_size: int = 1) -> Size:
    """The size with its short side at ``short_side`` and its ratio kept, unless the long side would pass ``max_side``.

    Rounded to whole pixels; each side is at least one patch, so an extreme strip loses its ratio instead of vanishing.

    Args:
        size: height and width in pixels.
        short_side: wanted, in pixels.
        max_side: most pixels of the long side; 2048 as in the releases.
        patch_size: least pixels of a side.
    """
    height, width = size
    scale = min(short_side / min(size), max_side / max(size))
    return (
        # half up, as the releases' OpenCV code; Python's round would take 0.5 to the even side
        max(patch_size, math.floor(height * scale + 0.5)),
        max(patch_size, math.floor(width * scale + 0.5)),
    )

"""Encoded images to square crops of bytes; the random part comes from one generator per image."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from tagalign.backbones.image_formats import DAMAGED
from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, open_image
from tagalign.data.rand_augment import rand_augment
from tagalign.errors import ImageError

CropPixels = UInt8[np.ndarray, "3 height width"]
CropBox = tuple[float, float, float, float]  # left, top, right, bottom in pixels

AREA = (0.08, 1.0)  # share of the image that a random resized crop covers: the release's value
RATIO = (3 / 4, 4 / 3)
ERASE_PROBABILITY = 0.25  # the release's value; one rectangle of noise, 2 to 33 % of the crop
ERASE_AREA = (0.02, 1 / 3)
ERASE_RATIO = (0.3, 1 / 0.3)


def load_crop(
    image: bytes | Path, size: int, *, augmentation: str, generator: np.random.Generator
) -> CropPixels:
    """Decode an image and cut a square of ``size`` pixels.

    Args:
        image: the encoded file, or its path.
        size: side of the crop in pixels.
        augmentation: a name in ``AUGMENTATIONS``.
        generator: the only source of randomness.

    Raises:
        ImageError: if it cannot be decoded.
    """
    crop = AUGMENTATIONS[augmentation](decode(image, at_least=size), size, generator)
    return np.ascontiguousarray(np.asarray(crop).transpose(2, 0, 1))


def decode(image: bytes | Path, *, at_least: int) -> Image.Image:
    """An upright RGB image; a large JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves ``2 * at_least`` pixels.

    Scaling inside the decoder costs a fraction of decoding everything. Twice the size is kept, so that a crop of a quarter
    of the area still has all its pixels.

    Raises:
        ImageError: if it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as file:
            file.draft("RGB", (2 * at_least, 2 * at_least))
            return open_image(file)
    except UnidentifiedImageError as error:
        raise ImageError("not an image that can be read (empty, or another kind of file)") from error
    except FileNotFoundError as error:
        raise ImageError(f"{image!r}: no such file") from error
    except DAMAGED as error:
        raise ImageError(f"the image is damaged ({error})") from error


def center_crop(image: Image.Image, size: int, generator: np.random.Generator) -> Image.Image:
    """The middle square, resized: what evaluation and feature caches use."""
    return _square(image, size, 0.5, 0.5)


def random_crop(image: Image.Image, size: int, generator: np.random.Generator) -> Image.Image:
    """A random square over the whole short side, resized: the only augmentation of CLIP's own training.

    TagAlign's paper states a size of 224 and no augmentation; this is our reading of it.
    """
    return _square(image, size, *generator.random(2))


def _square(image: Image.Image, size: int, across: float, down: float) -> Image.Image:
    side = min(image.size)
    left, top = across * (image.width - side), down * (image.height - side)
    return _resize(image, size, (left, top, left + side, top + side), Image.Resampling.BICUBIC)


def _resize(image: Image.Image, size: int, box: CropBox, filter_: Image.Resampling) -> Image.Image:
    # cutting inside the resize reads only the pixels it needs
    return image.resize((size, size), filter_, box=box, reducing_gap=2.0)


def released_augmentation(image: Image.Image, size: int, generator: np.random.Generator) -> Image.Image:
    """The release's: random resized crop (bilinear), flip, RandAugment, random erasing.

    Its colour jitter of 0.4 is configured beside RandAugment, and the image library it uses applies one of the two alone.
    """
    crop = _resize(image, size, random_box(image.size, generator), Image.Resampling.BILINEAR)
    if generator.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return random_erase(rand_augment(crop, generator), generator)


def random_box(size: tuple[int, int], generator: np.random.Generator) -> CropBox:
    """A box of 8 to 100 % of the area and a ratio of 3/4 to 4/3; ten tries, then the largest allowed middle one.

    Args:
        size: Pillow's (width, height).
        generator: source of randomness.
    """
    width, height = size
    for _ in range(10):
        area = width * height * generator.uniform(*AREA)
        ratio = np.exp(generator.uniform(*np.log(RATIO)))
        w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < w <= width and 0 < h <= height:
            left, top = generator.integers(width - w + 1), generator.integers(height - h + 1)
            return (float(left), float(top), float(left + w), float(top + h))
    w, h = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return (float(left), float(top), float(left + w), float(top + h))


def random_erase(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """With probability 1/4, noise in one rectangle; a normal per channel with ImageNet's statistics, cut to bytes."""
    if generator.random() >= ERASE_PROBABILITY:
        return image
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    for _ in range(10):
        area = width * height * generator.uniform(*ERASE_AREA)
        ratio = np.exp(generator.uniform(*np.log(ERASE_RATIO)))
        h, w = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if h < height and w < width:
            top, left = generator.integers(height - h + 1), generator.integers(width - w + 1)
            noise = generator.normal(size=(h, w, 3)) * IMAGENET_STD + IMAGENET_MEAN
            pixels[top : top + h, left : left + w] = (noise * 255).clip(0, 255).astype(np.uint8)
            break
    return Image.fromarray(pixels)


AUGMENTATIONS: dict[str, Callable[[Image.Image, int, np.random.Generator], Image.Image]] = {
    "none": center_crop,
    "crop": random_crop,
    "released": released_augmentation,
}

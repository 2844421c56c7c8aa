"""RandAugment as strong as in TagAlign's release: two of fifteen operations, probability 1/2, magnitude 9 +- 0.5.

Magnitudes grow with strength ("increasing" set); signs are random; geometric operations fill with grey and use a random
one of bilinear and bicubic.

Reference:
    Cubuk et al., RandAugment, arXiv:1909.13719.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

OPERATIONS = 2
PROBABILITY = 0.5
MAGNITUDE, SPREAD, TOP = 9.0, 0.5, 10.0
GREY = (124, 116, 104)  # ImageNet's mean in bytes

Operation = Callable[[Image.Image, float, np.random.Generator], Image.Image]
"""Takes the image and a strength in [0, 1]."""


def rand_augment(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Change an RGB image; size and mode stay."""
    for place in generator.integers(len(_ALL), size=OPERATIONS):
        if generator.random() < PROBABILITY:
            strength = float(np.clip(generator.normal(MAGNITUDE, SPREAD), 0, TOP) / TOP)
            image = _ALL[int(place)](image, strength, generator)
    return image


def _signed(value: float, generator: np.random.Generator) -> float:
    return value if generator.random() < 0.5 else -value


def _affine(
    image: Image.Image,
    matrix: tuple[float | int, ...],
    generator: np.random.Generator,
) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=_filter(generator), fillcolor=GREY
    )


def _filter(generator: np.random.Generator) -> Image.Resampling:
    return Image.Resampling.BILINEAR if generator.random() < 0.5 else Image.Resampling.BICUBIC


def _rotate(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    angle = _signed(30 * strength, generator)
    return image.rotate(angle, resample=_filter(generator), fillcolor=GREY)


def _shear_x(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return _affine(image, (1, _signed(0.3 * strength, generator), 0, 0, 1, 0), generator)


def _shear_y(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, 0, _signed(0.3 * strength, generator), 1, 0), generator)


def _shift_x(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, _signed(0.45 * strength, generator) * image.width, 0, 1, 0), generator)


def _shift_y(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, 0, 0, 1, _signed(0.45 * strength, generator) * image.height), generator)


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    def change(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
        return kind(image).enhance(max(0.1, 1 + _signed(0.9 * strength, generator)))

    return change


def _posterize(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return ImageOps.posterize(image, max(1, 4 - int(4 * strength)))  # 0 bits would be a black image


def _solarize(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    return ImageOps.solarize(image, 256 - min(256, int(256 * strength)))


def _solarize_add(image: Image.Image, strength: float, generator: np.random.Generator) -> Image.Image:
    added = min(128, int(110 * strength))
    return image.point([min(255, i + added) if i < 128 else i for i in range(256)] * 3)


_ALL: tuple[Operation, ...] = (
    lambda image, strength, generator: ImageOps.autocontrast(image),
    lambda image, strength, generator: ImageOps.equalize(image),
    lambda image, strength, generator: ImageOps.invert(image),
    _rotate,
    _posterize,
    _solarize,
    _solarize_add,
    _enhance(ImageEnhance.Color),
    _enhance(ImageEnhance.Contrast),
    _enhance(ImageEnhance.Brightness),
    _enhance(ImageEnhance.Sharpness),
    _shear_x,
    _shear_y,
    _shift_x,
    _shift_y,
)

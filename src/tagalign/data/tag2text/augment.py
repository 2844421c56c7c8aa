"""RandAugment as strong as in Tag2Text's release: two of ten operations, each with probability 1/2, magnitude 5 of 10.

At that magnitude brightness and sharpness have a factor of 1 and change nothing, in the release too (0.1 + 1.8 * 5/10).
Geometric operations draw their sign and fill with grey.

Reference:
    Cubuk et al., RandAugment, arXiv:1909.13719; the ten operations are those of ALBEF's release.
"""

from collections.abc import Callable
from random import Random

from PIL import Image, ImageEnhance, ImageOps

OPERATIONS = 2
PROBABILITY = 0.5
MAGNITUDE, TOP = 5, 10
GREY = (128, 128, 128)
LARGEST_ROTATION = 30.0  # degrees at the top magnitude
LARGEST_SHEAR = 0.3
LARGEST_SHIFT = 10.0  # pixels

PhotoOperation = Callable[[Image.Image, float, Random], Image.Image]
"""Takes the image, a strength in [0, 1] and what draws the sign."""


def rand_augment(image: Image.Image, rng: Random) -> Image.Image:
    """Change an RGB image; size and mode stay."""
    for operation in rng.choices(ALL, k=OPERATIONS):
        if rng.random() < PROBABILITY:
            image = operation(image, MAGNITUDE / TOP, rng)
    return image


def _signed(value: float, rng: Random) -> float:
    return value if rng.random() < 0.5 else -value


def _affine(image: Image.Image, matrix: tuple[float | int, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR, fillcolor=GREY
    )


def _identity(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return image


def _autocontrast(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return ImageOps.autocontrast(image)


def _equalize(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return ImageOps.equalize(image)


def _brightness(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_factor(strength))


def _sharpness(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(_factor(strength))


def _factor(strength: float) -> float:
    return 1.8 * strength + 0.1


def _rotate(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    angle = _signed(LARGEST_ROTATION * strength, rng)
    return image.rotate(angle, resample=Image.Resampling.BILINEAR, fillcolor=GREY)


def _shear_x(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return _affine(image, (1, _signed(LARGEST_SHEAR * strength, rng), 0, 0, 1, 0))


def _shear_y(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return _affine(image, (1, 0, 0, _signed(LARGEST_SHEAR * strength, rng), 1, 0))


def _shift_x(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return _affine(image, (1, 0, _signed(LARGEST_SHIFT * strength, rng), 0, 1, 0))


def _shift_y(image: Image.Image, strength: float, rng: Random) -> Image.Image:
    return _affine(image, (1, 0, 0, 0, 1, _signed(LARGEST_SHIFT * strength, rng)))


ALL: tuple[PhotoOperation, ...] = (
    _identity,
    _autocontrast,
    _brightness,
    _sharpness,
    _equalize,
    _shear_x,
    _shear_y,
    _shift_x,
    _shift_y,
    _rotate,
)
"""The operations, in the order of the release's list."""

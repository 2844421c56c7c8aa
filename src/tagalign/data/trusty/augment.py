"""Augmentation of an image together with its label map: resize, crop, flip, colours. Every choice comes from ``rng``.

The recipe of the segmentation literature (MMSegmentation's, as ZegCLIP and TagCLIP use it), at any crop size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from tagalign.errors import DataError, InputError
from tagalign.labels import IGNORE

RgbPixels = UInt8[np.ndarray, "height width 3"]
Labels = Int[np.ndarray, "height width"]
NewPixels = UInt8[np.ndarray, "new_height new_width 3"]
NewLabels = Int[np.ndarray, "new_height new_width"]

LONG_SIDE = 4  # the paper's 2048 x 512: the long side of the resize is at most 4 times the short one
CROP_TRIES = 10
BRIGHTNESS = 32.0  # of 255, added
CONTRAST = (0.5, 1.5)  # factors
SATURATION = (0.5, 1.5)
HUE_DEGREES = 36.0  # OpenCV counts 180 steps: its 18


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """An image with its label map.

    Attributes:
        pixels: RGB.
        labels: class ids, or the ignored id.
        is_padding: pixels that the crop added around a small image; they are no part of the photo.
    """

    pixels: RgbPixels
    labels: Labels
    is_padding: Bool[np.ndarray, "height width"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a training crop is made.

    Attributes:
        crop: side of the crop in pixels.
        scale: range of the factor on the short side; factor 1 makes it ``crop``.
        max_share: a crop of which one class covers more than this is drawn again, at most ten times.
        flip: probability of a left-right flip.
        colors: probability of each of the four colour changes; 0 turns them off.
    """

    crop: int = 512
    scale: tuple[float, float] = (0.5, 2.0)
    max_share: float = 0.75
    flip: float = 0.5
    colors: float = 0.5

    def __post_init__(self) -> None:
        low, high = self.scale
        if self.crop < 1 or not 0 < low <= high:
            raise InputError(
                f"expected a crop of at least 1 pixel and a scale range above 0, got {self.crop} and {self.scale}"
            )
        for name in ("max_share", "flip", "colors"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")

    def __call__(
        self,
        pixels: RgbPixels,
        labels: NewLabels,
        rng: np.random.Generator,
        *,
        known: Sequence[int] | None = None,
        ignored: int = IGNORE,
    ) -> Sample:
        """One random crop; where the resized image is smaller it is padded with the ignored id (``Sample.is_padding``).

        Args:
            pixels: RGB.
            labels: of the same size.
            rng: source of all choices; the same state gives the same crop.
            known: ids that ``max_share`` may look at; all but the ignored when None. The crop then depends on nothing else
                of the labels, so that it cannot betray where hidden classes are.
            ignored: id of pixels that are not counted.

        Raises:
            DataError: if the sizes differ.
        """
        if pixels.shape[:2] != labels.shape:
            raise DataError(
                f"expected a label map of the image's size {pixels.shape[:2]}, got {labels.shape} (height, width)"
            )
        pixels, labels = _resize(pixels, labels, self.crop, rng.uniform(*self.scale))
        counted = partial(is_varied, max_share=self.max_share, known=known, ignored=ignored)
        tries = CROP_TRIES if self.max_share < 1 else 1
        pixels, labels = _random_crop(pixels, labels, self.crop, rng, counted, tries)
        if rng.random() < self.flip:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        return _pad(distort_colors(pixels, rng, share=self.colors), labels, self.crop, ignored)


def _resize(pixels: RgbPixels, labels: Labels, crop: int, factor: float) -> tuple[NewPixels, NewLabels]:
    """Short side to ``factor * crop``, long side to at most four times that; labels by the nearest pixel."""
    height, width = labels.shape
    scale = factor * crop * min(1 / min(height, width), LONG_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))  # Pillow's order
    if size == (width, height):
        return pixels, labels
    resized = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    # Pillow's 32-bit integer mode holds any class id
    nearest = Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST)
    return np.asarray(resized), np.asarray(nearest).astype(labels.dtype)


def _random_crop(
    pixels: RgbPixels,
    labels: Labels,
    crop: int,
    rng: np.random.Generator,
    is_good: Callable[[Labels], bool],
    tries: int,
) -> tuple[NewPixels, NewLabels]:
    height, width = labels.shape
    for _ in range(tries):
        top = int(rng.integers(max(height - crop, 0) + 1))
        left = int(rng.integers(max(width - crop, 0) + 1))
        window = (slice(top, top + crop), slice(left, left + crop))
        if is_good(labels[window]):
            break
    return pixels[window], labels[window]


def is_varied(
    labels: Labels, max_share: float, known: Sequence[int] | None = None, *, ignored: int = IGNORE
) -> bool:
    """Whether several classes occur and none covers ``max_share`` of the pixels; ignored and negative ids count not.

    With ``known`` the pixels of all other classes do not count either.
    """
    counts = np.bincount(labels[labels >= 0], minlength=ignored + 1)  # np.unique would sort them
    counts[ignored] = 0
    if known is not None:
        counts = counts[list(known)]
    return int((counts > 0).sum()) > 1 and bool(counts.max() < max_share * counts.sum())


def _pad(pixels: RgbPixels, labels: Labels, crop: int, ignored: int) -> Sample:
    height, width = labels.shape
    below, right = max(crop - height, 0), max(crop - width, 0)
    sides = ((0, below), (0, right))
    return Sample(
        pixels=np.pad(pixels, (*sides, (0, 0))),
        labels=np.pad(labels, sides, constant_values=ignored),
        is_padding=np.pad(np.zeros((height, width), dtype=bool), sides, constant_values=True),
    )


def distort_colors(pixels: RgbPixels, rng: np.random.Generator, *, share: float = 0.5) -> RgbPixels:
    """Brightness, contrast, saturation and hue, each with probability ``share``; contrast first or last.

    Args:
        pixels: RGB.
        rng: source of all choices.
        share: in [0, 1]; 0 returns the pixels as they are.
    """
    if share == 0:
        return np.ascontiguousarray(pixels)
    if rng.random() < share:
        pixels = _affine(pixels, add=rng.uniform(-BRIGHTNESS, BRIGHTNESS))
    contrast_first = rng.random() < 0.5
    if contrast_first and rng.random() < share:
        pixels = _affine(pixels, factor=rng.uniform(*CONTRAST))
    pixels = _saturation_and_hue(pixels, rng, share)
    if not contrast_first and rng.random() < share:
        pixels = _affine(pixels, factor=rng.uniform(*CONTRAST))
    return np.ascontiguousarray(pixels)


def _affine(pixels: RgbPixels, *, factor: float = 1.0, add: float = 0.0) -> RgbPixels:
    changed = pixels * np.float32(factor) + np.float32(add)
    return changed.clip(0, 255).astype(np.uint8)


def _saturation_and_hue(pixels: RgbPixels, rng: np.random.Generator, share: float) -> RgbPixels:
    factor = rng.uniform(*SATURATION) if rng.random() < share else 1.0
    turn = rng.uniform(-HUE_DEGREES, HUE_DEGREES) if rng.random() < share else 0.0
    if factor == 1.0 and turn == 0.0:
        return pixels
    hsv = np.array(Image.fromarray(np.ascontiguousarray(pixels)).convert("HSV"))
    hsv[..., 1] = (hsv[..., 1] * factor).clip(0, 255).astype(np.uint8)
    # Pillow's hue has 256 steps and wraps around
    hsv[..., 0] = (hsv[..., 0].astype(np.int64) + round(turn * 256 / 360)) % 256
    bands = [Image.fromarray(np.ascontiguousarray(band)) for band in hsv.transpose(2, 0, 1)]
    return np.array(Image.merge("HSV", bands).convert("RGB"))

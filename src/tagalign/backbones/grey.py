"""Grey images of more than 8 bits: integers and floats of any range become 0 to 255, and say how.

Pillow clips them to 255 instead, so that a scan of 0 to 1 is black and one of 16 bits white.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tagalign.errors import ImageError

MIN_SAMPLE, MAX_SAMPLE, SMIN_SAMPLE, SMAX_SAMPLE = 280, 281, 340, 341  # TIFF tags
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
FULL_SCALES = (255, 1023, 4095)
"""Largest values of 8, 10 and 12 bits: what sensors put into wider files. A 16-bit file whose largest value lies in them
would be black otherwise; one of 14 bits is only dark, and cannot be told from a dark photo."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a file says about its samples.

    Attributes:
        low: of black; None where it says nothing.
        high: of white; likewise.
        bits: per sample, 0 where it says nothing.
        inverted: 0 is white.
    """

    low: float | None = None
    high: float | None = None
    bits: int = 0
    inverted: bool = False


def is_wide_grey(image: Image.Image) -> bool:
    """Whether an image needs ``to_bytes``."""
    return image.mode.startswith("I") or image.mode == "F"


def said_by(image: Image.Image) -> Said:
    """What the tags of a TIFF say; nothing for other files. To be read before the image is copied or turned."""
    if image.format != "TIFF":
        return Said()
    tags: Mapping[int, object] = image.tag_v2  # type: ignore[attr-defined]
    low, high = (_first(tags, *pair) for pair in ((SMIN_SAMPLE, MIN_SAMPLE), (SMAX_SAMPLE, MAX_SAMPLE)))
    bits = int(_first(tags, BITS_PER_SAMPLE) or 0)
    return Said(low=low, high=high, bits=bits, inverted=tags.get(PHOTOMETRIC) == 0)


def _first(tags: Mapping[int, object], *names: int) -> float | None:
    for name in names:
        value = tags.get(name)
        value = value[0] if isinstance(value, tuple) and value else value
        if isinstance(value, (int, float)):
            return float(value)
    return None


def to_bytes(image: Image.Image, said: Said, name: object) -> tuple[Image.Image, str | None]:
    """The image as 8-bit grey, and a note where its range had to be found.

    In this order: the range that the file names; the bits that it names; for 16 bits the upper byte; else the smallest
    usual range that holds all values (0 to 1 for floats, 255, 1023, 4095, 65535), else from its least to its largest.

    Raises:
        ImageError: if it holds values that are no numbers.
    """
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ImageError(f"{name}: holds values that are no numbers (NaN or infinite); fill them first")
    least, most = float(pixels.min(initial=0)), float(pixels.max(initial=0))
    low, high, why = _range(image.mode, said, least, most)
    if high == 65535 and low == 0 and pixels.dtype.kind in "iu":
        scaled = (pixels.astype(np.int64) >> 8).astype(np.uint8)
    else:
        span = max(high - low, np.finfo(np.float64).tiny)
        unit = ((pixels.astype(np.float64) - low) / span).clip(0, 1)
        scaled = np.rint(unit * 255).astype(np.uint8)
    note = (
        f"grey values of {least:g} to {most:g} were scaled from {low:g} to {high:g} ({why})" if why else None
    )
    return Image.fromarray(255 - scaled if said.inverted else scaled), note


def _range(mode: str, said: Said, least: float, most: float) -> tuple[float, float, str]:
    """Values of black and white, and why; no reason where nothing had to be guessed."""
    if said.high is not None and said.high > (said.low or 0):
        return said.low or 0.0, said.high, "said by the file"
    if 8 < said.bits < 16 and least >= 0:
        return 0.0, float(2**said.bits - 1), f"{said.bits} bits, said by the file"
    if least < 0:
        return least, most, "its own range"
    if mode == "F" and most <= 1:
        return 0.0, 1.0, "its own range"
    if most == 0:
        return 0.0, 65535.0, ""
    for full in FULL_SCALES:
        if most <= full:
            return 0.0, float(full), "its own range"
    if most <= 65535:
        return 0.0, 65535.0, "" if mode != "F" else "its own range"
    return 0.0, most, "its own range"

"""Colours, fonts and legends of the pictures that people look at."""

import colorsys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]


class Chip(NamedTuple):
    """One entry of a legend: a colour (None: an empty square), the words beside it, and a number after them."""

    color: Color | None
    words: str
    note: str = ""


# far apart in hue and lightness, also for the common kinds of colour blindness; no grey, no white
FIRST_COLORS: tuple[Color, ...] = (
    (230, 85, 13), (31, 119, 210), (44, 160, 80), (225, 190, 20), (148, 80, 190), (0, 180, 190),
    (220, 40, 95), (140, 90, 60), (245, 130, 190), (120, 170, 30), (70, 80, 200), (185, 165, 255),
)  # fmt: skip
HEAT_STOPS = np.array(  # dark to bright, so that a print in grey keeps the order
    [
        (20, 11, 52),
        (87, 16, 110),
        (156, 35, 102),
        (212, 72, 66),
        (245, 125, 21),
        (250, 193, 39),
        (252, 255, 164),
    ],
    dtype=np.float64,
)
PAPER: Color = (255, 255, 255)
INK: Color = (32, 33, 36)
FAINT: Color = (110, 113, 120)
# tried in this order for letters that the font in Pillow lacks; found only where the system has them
OTHER_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "msyh.ttc",
)
GOLDEN_ANGLE = 0.381966  # of a turn: hues after the first dozen never meet


def label_color(label: int) -> Color:
    """The colour of a label id in pictures; the same for all images of a run."""
    if label < len(FIRST_COLORS):
        return FIRST_COLORS[label]
    lightness = (0.42, 0.58, 0.7)[label % 3]
    red, green, blue = colorsys.hls_to_rgb(label * GOLDEN_ANGLE % 1, lightness, 0.65)
    return round(red * 255), round(green * 255), round(blue * 255)


def heat_colors(heat: Float[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Colours of values in [0, 1], dark to bright; values outside are clipped, NaN is dark."""
    heat = np.nan_to_num(heat).clip(0, 1)
    stops = np.linspace(0, 1, len(HEAT_STOPS))
    channels = [np.interp(heat, stops, HEAT_STOPS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


@cache
def _covers_latin() -> frozenset[str]:
    return frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA1, 0x180))))


@cache
def font(size: int, text: str = "") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of ``size`` pixels that has the letters of ``text``, as far as one is installed."""
    if not set(text) <= _covers_latin():
        for other in _other_fonts(size):
            if not _missing(other, text):
                return other
    return ImageFont.load_default(size)


def _other_fonts(size: int) -> Iterator[ImageFont.FreeTypeFont]:
    for name in OTHER_FONTS:
        try:
            yield ImageFont.truetype(name, size)
        except OSError:
            continue


@cache
def can_draw(text: str) -> bool:
    """Whether a font that is installed has all letters of a text; without one they would all be the same empty box."""
    found = font(16, text)
    return set(text) <= _covers_latin() or (
        isinstance(found, ImageFont.FreeTypeFont) and not _missing(found, text)
    )


def _missing(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether a letter looks like one that no font has."""
    nobody = _picture(font, "\uffff")
    return any(_picture(font, letter) == nobody for letter in set(text) if letter.strip())


def _picture(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def drawn_words(text: str, instead: str) -> str:
    """The text, or what stands for it where no font has its letters, with a warning.

    Args:
        text: a name or a phrase.
        instead: plain letters, such as the id of a label.
    """
    if can_draw(text):
        return text
    warnings.warn(
        f"no font on this machine has the letters of {text!r}, so the picture says {instead!r}; install one of "
        f"{', '.join(OTHER_FONTS)}",
        stacklevel=3,
    )
    return instead


def text_width(text: str, size: int) -> int:
    """Width of a line of text in pixels."""
    return int(np.ceil(font(size, text).getlength(text)))


def shorten(text: str, size: int, width: int) -> str:
    """The text, cut with an ellipsis so that it fits ``width`` pixels."""
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest start that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(text[:middle] + "…", size) <= width else (low, middle - 1)
    return text[:low].rstrip() + "…"


def draw_text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, color: Color = INK
) -> None:
    """One line of text; ``at`` is its left end and the middle of its height."""
    draw.text(at, text, fill=color, font=font(size, text), anchor="lm")


def chip_strip(chips: Sequence[Chip], width: int, size: int) -> Image.Image:
    """A strip of ``width`` pixels with colour swatches and words, wrapped like text; empty without chips."""
    line, gap = round(size * 1.7), round(size * 1.3)
    drawn = [_chip(chip, width, size, line) for chip in chips]
    places, x, y = [], 0, 0
    for picture in drawn:
        if x and x + picture.width > width:
            x, y = 0, y + line
        places.append((x, y))
        x += picture.width + gap
    strip = Image.new("RGB", (width, y + line if chips else 0), PAPER)
    for picture, place in zip(drawn, places, strict=True):
        strip.paste(picture, place)
    return strip


def _chip(chip: Chip, max_width: int, size: int, height: int) -> Image.Image:
    start, space = round(size * 1.4), round(size * 0.4)
    note_width = text_width(chip.note, size) + space if chip.note else 0
    words = shorten(chip.words, size, max_width - start - note_width)
    width = start + text_width(words, size)
    picture = Image.new("RGB", (width + note_width, height), PAPER)
    draw, top = ImageDraw.Draw(picture), (height - size) // 2
    outline = None if chip.color else FAINT
    draw.rounded_rectangle((0, top, size, top + size), size // 5, fill=chip.color, outline=outline)
    draw_text(draw, (start, height // 2), words, size)
    draw_text(draw, (width + space, height // 2), chip.note, size, FAINT)
    return picture


def framed(picture: Image.Image, strips: Sequence[Image.Image], margin: int) -> Image.Image:
    """A picture with strips under it, on white with a margin around everything."""
    parts = [picture, *[strip for strip in strips if strip.height]]
    width = max(part.width for part in parts)
    height = sum(part.height for part in parts) + margin // 2 * (len(parts) - 1)
    page = Image.new("RGB", (width + 2 * margin, height + 2 * margin), PAPER)
    y = margin
    for part in parts:
        page.paste(part, (margin + (width - part.width) // 2 if part is picture else margin, y))
        y += part.height + margin // 2
    return page

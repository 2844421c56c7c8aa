"""Files of a drawn copy: photos, palette masks, lists, JSON."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.atomic import atomic_write, refused_in_one_line
from tagalign.data.rehearsal.scenes import colour_of
from tagalign.json_text import json_text

JPEG_QUALITY = 85
PALETTE = [0, 0, 0] + [value for label in range(254) for value in colour_of(label)] + [224, 224, 192]
"""Of masks that people open in a viewer: black ground, the colour of each class, VOC's light border for 255."""


def save_picture(image: Image.Image, path: Path) -> None:
    """Save a photo or a mask; a copy interrupted here is drawn again, so nothing is flushed to the disk one by one.

    Raises:
        InputError: if the system refuses to write.
    """
    with refused_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=JPEG_QUALITY)  # PNG ignores it


def with_palette(mask: Image.Image) -> Image.Image:
    """An 8-bit mask as a palette picture."""
    mask = mask.convert("L") if mask.mode != "L" else mask.copy()
    mask.putpalette(PALETTE)
    return mask


def save_lines(lines: Iterable[str], path: Path) -> None:
    """Save a list, one entry a line."""
    with atomic_write(path) as temp:
        temp.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def save_json(content: Any, path: Path) -> None:
    """Save JSON on one line, as the publishers' files are."""
    with atomic_write(path) as temp:
        temp.write_text(json_text(content), encoding="utf-8")

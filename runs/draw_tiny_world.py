"""Draw the contact sheet of docs/tiny-world.md: scenes of both palettes with their alt text, and all kinds of objects.

python runs/draw_tiny_world.py docs/images/tiny_world.png
"""

import argparse
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tagalign.data.tiny_world import COLORS, OBJECTS, TinyWorld
from tagalign.data.tiny_world.sprites import sprite

ZOOM, TEXT_PX, COLUMNS = 2, 44, 6


def captioned(picture: Image.Image, text: str) -> Image.Image:
    cell = Image.new("RGB", (picture.width + 8, picture.height + TEXT_PX), "white")
    cell.paste(picture, (4, 4))
    lines = textwrap.wrap(text, 27)[:3]
    ImageDraw.Draw(cell).text((4, picture.height + 6), "\n".join(lines), fill="black", spacing=1)
    return cell


def scene_cell(world: TinyWorld, index: int) -> Image.Image:
    scene = world[index]
    side = scene.size * ZOOM
    return captioned(
        Image.fromarray(scene.image).resize((side, side), Image.Resampling.NEAREST), scene.alt_text
    )


def kinds_strip(width: int) -> Image.Image:
    per_row = len(OBJECTS) // 2
    side = width // per_row
    strip = np.full((2 * side, per_row * side, 3), 255.0, np.float32)
    for index, kind in enumerate(OBJECTS):
        color = COLORS[index % len(COLORS)]
        drawn = sprite(kind, color, "plain", None, side - 8, flip=False, palette="default")
        top, left = index // per_row * side + 4, index % per_row * side + 4
        window = strip[top : top + side - 8, left : left + side - 8]
        window *= drawn.clear
        window += drawn.ink
    return Image.fromarray(strip.astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    default, other = TinyWorld(seed=0, split="sheet"), TinyWorld(seed=0, split="sheet", palette="other")
    cells = [scene_cell(default, k) for k in range(12)] + [scene_cell(other, k) for k in range(12, 18)]
    width, height = cells[0].size
    rows = len(cells) // COLUMNS
    strip = kinds_strip(width * COLUMNS)
    sheet = Image.new("RGB", (width * COLUMNS, height * rows + strip.height), "white")
    for k, cell in enumerate(cells):
        sheet.paste(cell, (k % COLUMNS * width, k // COLUMNS * height))
    sheet.paste(strip, (0, height * rows))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(128).save(args.out, optimize=True)


if __name__ == "__main__":
    main()

"""Draw the pictures of the documentation and the README: python runs/draw_docs.py [docs/images].

One scene of the tiny world, its masks, a heat map and a phrase, and the house of the library, all by its own drawing; the
pictures of the web page are ``draw_page.py``'s.
"""

import sys
from pathlib import Path

from draw_house import draw as draw_house
from PIL import Image

import tagalign
from tagalign.data.tiny_world import TinyWorld
from tagalign.export.overlay import heat_overlay, overlay, referring_overlay

SCENE, METHOD = 12, "surgery"
LABELS = ["boat", "car", "grass", "sky"]
TARGET = "boat"
HEIGHT = 320


def main(folder: Path) -> None:
    """Draw everything into a folder."""
    photo = Image.fromarray(TinyWorld(seed=0, split="test")[SCENE].image)
    model = tagalign.load("tiny", method=METHOD)
    image = model.encode_image(photo)
    found = model.segment(image, LABELS, photo=photo)
    pictures = {
        "segment.png": overlay(photo, found),
        "heat.png": heat_overlay(photo, model.heat_maps(image, [TARGET])[0], title=TARGET),
        "refer.png": referring_overlay(photo, model.refer(image, f"the {TARGET}")),
    }
    for name, picture in pictures.items():
        picture.save(folder / name, optimize=True)
    beside([photo, *pictures.values()]).save(folder / "overview.png", optimize=True)
    draw_mistakes(model).save(folder / "mistakes.png", optimize=True)
    (folder / "architecture.svg").write_text(draw_house() + "\n", encoding="utf-8")
    print(f"{found.shares()}; tags {model.tag(image, LABELS).top(3)}", file=sys.stderr)


def draw_mistakes(model: tagalign.Model) -> Image.Image:
    """A bird before a house: asked with its name, and with a list that leaves it out."""
    photo = Image.fromarray(TinyWorld(seed=7, split="test")[0].image)
    image = model.encode_image(photo)
    lists = (["bird", "house", "sky"], ["dog", "castle", "sky"])
    return beside([photo, *(overlay(photo, model.segment(image, labels, photo=photo)) for labels in lists)])


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one height in a row."""
    rows = [
        p.convert("RGB").resize((round(p.width * HEIGHT / p.height), HEIGHT), Image.Resampling.LANCZOS)
        for p in pictures
    ]
    row = Image.new("RGB", (sum(p.width for p in rows) + 12 * (len(rows) - 1), HEIGHT), "white")
    left = 0
    for picture in rows:
        row.paste(picture, (left, 0))
        left += picture.width + 12
    return row


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))

"""A sheet of thumbnails with their tags, for a first look at a labelled folder."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from tagalign.export import drawing

SIDE = 180
GAP = 14
TEXT = 13
LINES = 2


def contact_sheet(pictures: Sequence[tuple[Image.Image, str]], *, columns: int = 6) -> Image.Image:
    """Thumbnails in rows, each with up to two lines of words below.

    Args:
        pictures: images and their words; at least one.
        columns: thumbnails per row.
    """
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    cell = (SIDE + GAP, SIDE + GAP + LINES * (TEXT + 4))
    sheet = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), drawing.PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (picture, words) in enumerate(pictures):
        left, top = GAP + place % columns * cell[0], GAP + place // columns * cell[1]
        small = _fit(picture.convert("RGB"))
        sheet.paste(small, (left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2))
        for line, text in enumerate(_lines(words)):
            drawing.draw_text(draw, (left, top + SIDE + GAP // 2 + line * (TEXT + 4)), text, TEXT)
    return sheet


def _fit(picture: Image.Image) -> Image.Image:
    """Shrunk into the cell, or enlarged by a whole factor, so that small pictures can be seen."""
    factor = SIDE // max(picture.size)
    if factor > 1:
        return picture.resize((factor * picture.width, factor * picture.height), Image.Resampling.NEAREST)
    picture.thumbnail((SIDE, SIDE))
    return picture


def _lines(words: str) -> list[str]:
    """The words on at most ``LINES`` lines that fit under a thumbnail; the last is cut with an ellipsis."""
    lines: list[str] = []
    rest = words
    while rest and len(lines) < LINES - 1 and drawing.text_width(rest, TEXT) > SIDE:
        head = rest
        while " " in head and drawing.text_width(head, TEXT) > SIDE:
            head = head.rsplit(" ", 1)[0]
        lines.append(drawing.shorten(head, TEXT, SIDE))
        rest = rest[len(head) :].lstrip()
    return [*lines, drawing.shorten(rest, TEXT, SIDE)] if rest else lines

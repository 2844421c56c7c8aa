"""Thumbnails stand in their cells, and words below them fit."""

import numpy as np
import pytest
from PIL import Image

from tagalign.export import drawing
from tagalign.export.contact_sheet import GAP, LINES, SIDE, TEXT, _lines, contact_sheet


def test_pictures_stand_in_rows_in_their_own_colours():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
    pictures = [(Image.new("RGB", (SIDE, SIDE), colour), "") for colour in colours]
    sheet = contact_sheet(pictures, columns=2)
    assert sheet.width == 2 * (SIDE + GAP) + GAP
    pixels = np.asarray(sheet)
    step = (sheet.height - GAP) // 3  # five pictures in twos are three rows
    for place, colour in enumerate(colours):
        row, column = divmod(place, 2)
        y, x = GAP + row * step + SIDE // 2, GAP + column * (SIDE + GAP) + SIDE // 2
        assert tuple(pixels[y, x]) == colour
    assert tuple(pixels[GAP + 2 * step + SIDE // 2, GAP + SIDE + GAP + SIDE // 2]) == Image.new(
        "RGB", (1, 1), drawing.PAPER
    ).getpixel((0, 0))


def test_fewer_pictures_than_columns_make_a_narrow_sheet():
    one = [(Image.new("L", (40, 30), 90), "dog")]
    assert contact_sheet(one, columns=6).width == SIDE + 2 * GAP


@pytest.mark.parametrize(("size", "drawn"), [((2000, 1000), (SIDE, SIDE // 2)), ((50, 20), (150, 60))])
def test_large_pictures_shrink_and_small_ones_grow_by_whole_factors(size, drawn):
    pixels = np.asarray(contact_sheet([(Image.new("RGB", size, (200, 0, 0)), "")]))
    red = (pixels == (200, 0, 0)).all(axis=2)
    assert (red.any(axis=0).sum(), red.any(axis=1).sum()) == drawn


@pytest.mark.parametrize("words", ["", "dog", "dog, " * 40, "x" * 200, "a " + "y" * 200])
def test_words_fit_under_a_thumbnail(words):
    lines = _lines(words)
    assert len(lines) <= LINES
    assert all(drawing.text_width(line, TEXT) <= SIDE for line in lines)
    if drawing.text_width(words, TEXT) <= SIDE:
        assert lines == ([words] if words else [])
    else:
        assert words.startswith(lines[0].rstrip("…. ")[:5])

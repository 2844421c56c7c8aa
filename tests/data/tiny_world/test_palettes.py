"""Paints, patterns and grounds: what is told apart by name is told apart by colour, and patterns repeat as they say."""

import itertools

import numpy as np
import pytest

from tagalign.data.tiny_world.names import BACKGROUNDS, COLORS, PATTERNS
from tagalign.data.tiny_world.palettes import (
    PAINTS,
    STRIPE_PX,
    TILE,
    background_tile,
    paint_texture,
    pattern_mask,
)

GROUNDS = [name for names in BACKGROUNDS.values() for name in names]


@pytest.mark.parametrize("palette", PAINTS)
def test_every_colour_has_a_paint_of_its_own(palette):
    paints = PAINTS[palette]
    assert set(paints) == set(COLORS)
    for one, other in itertools.combinations(paints, 2):
        assert np.abs(np.subtract(paints[one], paints[other])).max() >= 30, (one, other)


@pytest.mark.parametrize("name", GROUNDS)
def test_grounds_are_the_same_every_time_lie_in_range_and_are_kept_from_writing(name):
    tile = background_tile(name)
    assert tile.shape == (TILE, TILE, 3)
    assert tile.min() >= 0
    assert tile.max() <= 255
    background_tile.cache_clear()
    np.testing.assert_array_equal(background_tile(name), tile)
    assert tile.std(axis=(0, 1)).max() > 2  # a texture, and no plain colour
    with pytest.raises(ValueError, match="read-only"):
        tile[0, 0] = 0


def test_grounds_differ_from_each_other():
    for one, other in itertools.combinations(GROUNDS, 2):
        assert np.abs(background_tile(one) - background_tile(other)).mean() > 5, (one, other)


def test_patterns_cover_a_share_of_the_paint_and_repeat():
    side = 8 * STRIPE_PX
    masks = {pattern: pattern_mask(pattern, side) for pattern in PATTERNS}
    assert masks["plain"].max() == 0
    for pattern in set(PATTERNS) - {"plain"}:
        assert 0.1 < masks[pattern].mean() < 0.9
        assert masks[pattern].min() == 0
        assert masks[pattern].max() == 1
    for pattern in ("striped", "dotted"):
        np.testing.assert_allclose(masks[pattern][:, STRIPE_PX:], masks[pattern][:, :-STRIPE_PX], atol=1e-4)
    diagonal = masks["striped"]
    np.testing.assert_allclose(
        diagonal[1:, :-1], diagonal[:-1, 1:], atol=1e-4
    )  # stripes run along the diagonal
    assert len({mask.tobytes() for mask in masks.values()}) == len(PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_pattern_lies_on_the_paint(pattern):
    for color, second in (("red", 250), ("white", 128)):
        found = paint_texture(color, pattern, "default", 32)
        cover = pattern_mask(pattern, 32)
        paint = np.array(PAINTS["default"][color], float)
        np.testing.assert_allclose(found[cover == 0], np.broadcast_to(paint, found[cover == 0].shape))
        np.testing.assert_allclose(found[cover == 1], second, atol=1e-3)

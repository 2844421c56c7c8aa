"""Corners become pixels as COCO's own code makes them, and grid outlines give back their pixels."""

import numpy as np
import pytest
from scipy import ndimage

from tagalign.errors import DataError
from tagalign.export.polygons import polygons
from tagalign.ops import polygon_masks as module
from tagalign.ops.polygon_masks import TooFewCorners, flips_of_each, flips_of_polygons, mask_of_polygons

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of pycocotools


def rings(count):
    """Small polygons of every kind: on the grid, on halves, partly outside, self-crossing."""
    rng = np.random.default_rng(0)
    for trial in range(count):
        height, width = rng.integers(1, 50, 2).tolist()
        ring = rng.uniform(-0.3, 1.3, (rng.integers(3, 12), 2)) * [width, height]
        ring = [ring, np.round(ring), np.round(ring * 2) / 2, np.clip(ring, 0, [width, height])][trial % 4]
        yield ring, (height, width)


def test_pixels_are_those_of_pycocotools():
    coco = pytest.importorskip("pycocotools.mask", reason="the export extra is not installed")
    for ring, (height, width) in rings(400):
        code = coco.frPyObjects([ring.reshape(-1).tolist()], height, width)
        expected = coco.decode(code)[..., 0].astype(bool)
        np.testing.assert_array_equal(mask_of_polygons([ring], (height, width)), expected)


def test_a_plain_loop_over_centres_agrees_on_the_grid():
    """Corners on the grid, edges along it: a ray up from the centre of each pixel, counted."""
    ring = np.array([[1, 1], [6, 1], [6, 5], [4, 5], [4, 3], [2, 3], [2, 6], [1, 6]], dtype=float)
    expected = np.zeros((7, 8), dtype=bool)
    for row in range(7):
        for col in range(8):
            x, y, hits = col + 0.5, row + 0.5, 0
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                hits += y0 == y1 and min(x0, x1) < x < max(x0, x1) and y0 < y
            expected[row, col] = hits % 2
    np.testing.assert_array_equal(mask_of_polygons([ring], (7, 8)), expected)


@pytest.mark.parametrize("seed", range(4))
def test_exact_outlines_give_back_their_pixels_holes_and_islands_too(seed):
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(40, 50)), 2) > 0.02
    mask[10:20, 10:20] = True
    mask[13:16, 13:17] = False
    mask[14, 14] = True  # an island in the hole
    np.testing.assert_array_equal(mask_of_polygons(polygons(mask, tolerance=0.0), mask.shape), mask)


def test_several_polygons_are_joined_and_none_is_empty():
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]], dtype=float)
    found = mask_of_polygons([square, square + 1], (4, 4))
    assert found.sum() == 7
    assert not mask_of_polygons([], (4, 4)).any()
    np.testing.assert_array_equal(flips_of_polygons([square], (2, 2)), [0])


@pytest.mark.parametrize(
    ("ring", "error", "text"),
    [
        (np.zeros((2, 2)), TooFewCorners, "at least three corners, got 2"),
        (np.array([[0, 0], [np.nan, 1], [1, 1]]), DataError, "no finite number"),
        (np.array([[0, 0], [1e9, 1], [1, 1]]), DataError, "pixels away"),
    ],
)
def test_what_is_no_polygon_is_refused(ring, error, text):
    with pytest.raises(error, match=text):
        mask_of_polygons([ring], (4, 4))


def test_a_zigzag_that_would_fill_the_memory_is_refused():
    zigzag = np.stack([np.arange(20_000) % 2 * 2000.0, np.arange(20_000) * 0.1], axis=1)
    with pytest.raises(DataError, match=r"crosses 40,000,000 columns"):
        mask_of_polygons([zigzag], (2000, 2000))


@pytest.mark.parametrize("at_once", [1, 50, 1_000_000])
def test_many_at_once_are_each_by_itself_and_a_damaged_one_costs_itself(monkeypatch, at_once):
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    size, broken = (30, 40), np.array([[0, 0], [np.inf, 1], [1, 1]])
    drawn = [ring for ring, _ in rings(20)]
    found = flips_of_each([*drawn[:10], broken, *drawn[10:]], size)
    assert isinstance(found.pop(10), DataError)
    for ring, one in zip(drawn, found, strict=True):
        np.testing.assert_array_equal(one, flips_of_polygons([ring], size))

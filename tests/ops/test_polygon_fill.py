"""fill_rings against the even-odd rule at each pixel's centre, and against our own outlines."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.export.polygons.tracing import trace
from tagalign.ops.polygon_fill import fill_rings


def inside(ring, x, y):
    """The even-odd rule, one edge at a time."""
    odd = False
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


@pytest.mark.parametrize("seed", range(4))
def test_a_pixel_belongs_to_the_ring_around_its_centre(seed):
    ring = np.random.default_rng(seed).uniform(-3, 15, (6, 2))
    found = fill_rings([ring], (9, 12))
    for row in range(9):
        for col in range(12):
            assert bool(found[row, col]) == inside(ring, col + 0.5, row + 0.5)


def test_outlines_of_masks_give_back_the_masks():
    mask = np.random.default_rng(0).random((20, 30)) < 0.5
    numbers, count = ndimage.label(mask, structure=np.ones((3, 3)))
    found = trace(numbers, count)
    rings = [found.corners[a:b] for a, b in zip(found.bounds[:-1], found.bounds[1:], strict=True)]
    assert torch.equal(fill_rings(rings, mask.shape), torch.from_numpy(mask))


def test_rings_are_united_and_none_is_empty():
    square = np.array([[1, 1], [4, 1], [4, 4], [1, 4]])
    assert int(fill_rings([square, square], (6, 6)).sum()) == 9
    assert not fill_rings([], (6, 6)).any()

"""Outlines of many parts at once, read back by a plain even-odd test along the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from tagalign.export.polygons import outlines
from tagalign.export.polygons.simplifying import ring_areas
from tagalign.export.polygons.tracing import trace


def filled(ring: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels whose middle has an odd number of upright borders to its left."""
    crossings = np.zeros((size[0], size[1] + 1), dtype=int)
    for (ax, ay), (bx, by) in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True):
        assert ax == bx or ay == by, "exact outlines and cuts run along the grid"
        if ax == bx:
            crossings[min(ay, by) : max(ay, by), ax] += 1
    return crossings.cumsum(axis=1)[:, :-1] % 2 == 1


def assert_traced(mask: np.ndarray) -> None:
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    found = trace(parts, count)
    for i in range(count):
        ring = found.corners[found.bounds[i] : found.bounds[i + 1]]
        np.testing.assert_array_equal(filled(ring, mask.shape), parts == i + 1)
    np.testing.assert_array_equal(ring_areas(found), np.bincount(parts.ravel(), minlength=count + 1)[1:])


@settings(max_examples=80, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_every_ring_fills_its_own_part(mask: np.ndarray) -> None:
    assert_traced(mask)


def test_islands_in_holes_in_islands() -> None:
    mask = np.zeros((13, 15), dtype=bool)
    for inset in range(6):
        mask[inset : 13 - inset, inset : 15 - inset] = inset % 2 == 0
    assert_traced(mask)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_noise_with_many_holes(share: float) -> None:
    assert_traced(np.random.default_rng(0).random((60, 70)) < share)


def test_holes_in_one_row_and_holes_that_touch_by_a_corner() -> None:
    mask = np.ones((6, 9), dtype=bool)
    mask[2, [1, 3, 5, 7]] = False
    mask[3, 2] = mask[4, 3] = False
    assert_traced(mask)


@pytest.mark.parametrize("sigma", [2, 4, 8])
def test_simplified_areas_stay_within_half_a_per_cent(sigma: float) -> None:
    smooth = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((150, 200)), sigma) > 0
    parts, count = ndimage.label(smooth, structure=np.ones((3, 3)))
    exact, simple = trace(parts, count), outlines(parts, count)
    assert len(simple.corners) < len(exact.corners)
    # half a per cent is what the function promises, for every part by itself
    np.testing.assert_allclose(ring_areas(simple), ring_areas(exact), rtol=0.005)
    assert set(map(tuple, simple.corners.tolist())) <= set(map(tuple, exact.corners.tolist()))

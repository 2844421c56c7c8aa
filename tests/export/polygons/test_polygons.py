import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from tagalign.export.polygons import polygons, signed_area


def even_odd(rings: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """A plain ray test at the middle of every pixel: is it crossed an odd number of times?"""
    inside = np.zeros(size, dtype=bool)
    for ring in rings:
        for r in range(size[0]):
            for c in range(size[1]):
                x, y, odd = c + 0.5, r + 0.5, False
                for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                    if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                        odd = not odd
                inside[r, c] |= odd
    return inside


@settings(max_examples=40, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_exact_outlines_give_the_mask_back(mask: np.ndarray) -> None:
    rings = polygons(mask, tolerance=0.0)
    np.testing.assert_array_equal(even_odd(rings, mask.shape), mask)
    assert sum(map(signed_area, rings)) == mask.sum()


def test_a_pixel_has_the_corners_of_its_square() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    mask[2, 3] = True
    (ring,) = polygons(mask)
    assert sorted(map(tuple, ring.tolist())) == [(3, 2), (3, 3), (4, 2), (4, 3)]


def test_pixels_that_touch_by_a_corner_are_one_part() -> None:
    assert len(polygons(np.eye(3, dtype=bool))) == 1


def test_a_hole_is_left_out() -> None:
    mask = np.ones((5, 5), dtype=bool)
    mask[2, 2] = False
    (ring,) = polygons(mask)
    assert signed_area(ring) == 24


def test_no_pixels_no_rings() -> None:
    assert polygons(np.zeros((3, 3), dtype=bool)) == []


def disc(side: int) -> np.ndarray:
    image = Image.new("1", (side, side))
    ImageDraw.Draw(image).ellipse((2, 2, side - 3, side - 3), fill=1)
    return np.array(image)


def test_simplifying_drops_corners_and_keeps_the_area() -> None:
    mask = disc(200)
    (exact,), (simple,) = polygons(mask, tolerance=0.0), polygons(mask)
    assert len(simple) < len(exact) / 5
    # half a per cent is what the function promises
    assert abs(signed_area(simple) - mask.sum()) <= 0.005 * mask.sum()


def test_large_parts_come_first() -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[0, 0] = True
    mask[4:, 4:] = True
    assert [signed_area(ring) for ring in polygons(mask)] == [36, 1]


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1)])
def test_thin_masks_keep_their_area(size: tuple[int, int]) -> None:
    assert sum(map(signed_area, polygons(np.ones(size, dtype=bool)))) == size[0] * size[1]

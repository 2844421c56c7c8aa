"""Drawn shapes: turns, ellipses and boxes against geometry, runs against a plain loop."""

import math

import numpy as np
import pytest

from tagalign.backbones.preprocess import MAX_PIXELS
from tagalign.data.annotations.shapes import box_around, check_size, ellipse, rectangle, runs_in_box, turned
from tagalign.errors import DataError


def area(ring):
    x, y = ring.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_a_quarter_turn_is_clockwise_on_the_screen():
    # y goes down: what lies right of the middle comes to lie below it
    found = turned(np.array([[3.0, 1.0], [1.0, 0.0]]), 90.0, (1.0, 1.0))
    np.testing.assert_allclose(found, [[1.0, 3.0], [2.0, 1.0]], atol=1e-12)  # rounding of cos and sin


def test_a_turn_keeps_distances_and_a_whole_one_everything():
    ring = rectangle(2.0, 3.0, 10.0, 5.0)
    there = turned(ring, 33.0, (4.0, 4.0))
    assert area(there) == pytest.approx(8 * 2)
    np.testing.assert_allclose(
        turned(there, 360 - 33.0, (4.0, 4.0)), ring, atol=1e-12
    )  # rounding of cos and sin


def test_a_rectangle_runs_clockwise_from_the_upper_left():
    assert rectangle(1.0, 2.0, 3.0, 4.0).tolist() == [[1, 2], [3, 2], [3, 4], [1, 4]]


@pytest.mark.parametrize(("radii", "corners"), [((2.0, 1.0), 32), ((40.0, 20.0), 251), ((9000.0, 1.0), 2048)])
def test_an_ellipse_fulfils_its_equation(radii, corners):
    ring = ellipse((5.0, 6.0), radii)
    assert len(ring) == corners
    x, y = (ring - [5.0, 6.0]).T / np.array(radii)[:, None]
    np.testing.assert_allclose(x**2 + y**2, 1, rtol=1e-9)
    # a polygon of n corners inside an ellipse has n/2 sin(2 pi / n) of its a b
    assert area(ring) == pytest.approx(math.prod(radii) * corners / 2 * math.sin(2 * math.pi / corners))


def test_the_box_of_corners():
    assert box_around(np.array([[3.0, 9.0], [-1.0, 4.0], [2.0, 5.5]])) == (-1.0, 4.0, 3.0, 9.0)


def test_runs_go_along_the_rows_of_their_box():
    runs, (left, top, width, height) = [2, 3, 1, 4, 2], (1, 2, 4, 3)
    mask = np.zeros((6, 7), dtype=bool)
    cells = [place % 2 == 1 for place, run in enumerate(runs) for _ in range(run)]
    for i, inside in enumerate(cells):
        mask[top + i // width, left + i % width] = inside
    np.testing.assert_array_equal(runs_in_box(runs, (left, top, width, height), (6, 7)), mask)


@pytest.mark.parametrize(
    ("runs", "place"),
    [
        ([4], (4, 0, 4, 1)),
        ([4], (-1, 0, 4, 1)),
        ([4], (0, 6, 4, 1)),
        ([3], (0, 0, 4, 1)),
        ([5, -1], (0, 0, 4, 1)),
    ],
)
def test_a_box_outside_and_runs_that_do_not_fill_are_refused(runs, place):
    with pytest.raises(DataError):
        runs_in_box(runs, place, (6, 7))


def test_sizes_that_no_photo_has_are_refused():
    assert check_size((1, MAX_PIXELS)) == (1, MAX_PIXELS)
    for size in ((0, 5), (5, 0), (2, MAX_PIXELS)):
        with pytest.raises(DataError, match="expected a size"):
            check_size(size)

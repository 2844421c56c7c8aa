"""Border paths, filled again by counting walls, and measured against the pixels whose neighbours differ."""

import re

import numpy as np
import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.rings import border_path

RANDOM = [
    np.random.default_rng(seed).random((7, 9)) < share for seed, share in enumerate((0.2, 0.5, 0.8, 0.0, 1.0))
]
RING = np.pad(np.pad(np.ones((1, 1), bool), 1) == 0, 2)
MASKS = [*RANDOM, RING, np.eye(4, dtype=bool), np.eye(4, dtype=bool)[::-1]]


def steps(path: str) -> list[tuple[int, int, int, int]]:
    """Every step of a path as x, y, x, y; each ring comes back to its beginning."""
    found = []
    for x, y, rest in re.findall(r"M(\d+) (\d+)([hv\d-]*)z", path):
        at = start = (int(x), int(y))
        for way, by in re.findall(r"([hv])(-?\d+)", rest):
            to = (at[0] + int(by), at[1]) if way == "h" else (at[0], at[1] + int(by))
            found.append((*at, *to))
            at = to
        assert at == start
    return found


@pytest.mark.parametrize("mask", MASKS)
def test_the_inside_is_the_mask(mask: np.ndarray) -> None:
    """By the number of walls to the left of a pixel, upward ones against downward ones."""
    walls = np.zeros((mask.shape[0], mask.shape[1] + 1), dtype=int)
    for x, y, to_x, to_y in steps(border_path(mask)):
        if x == to_x:
            walls[min(y, to_y) : max(y, to_y), x] += 1 if to_y < y else -1
    assert np.array_equal(walls.cumsum(axis=1)[:, :-1], mask)


@pytest.mark.parametrize("mask", MASKS)
def test_the_border_is_as_long_as_neighbours_that_differ_are_many(mask: np.ndarray) -> None:
    """No cut to a hole, and no line drawn twice."""
    padded = np.pad(mask, 1)
    differ = np.count_nonzero(padded[1:] != padded[:-1]) + np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    assert sum(abs(to_x - x) + abs(to_y - y) for x, y, to_x, to_y in steps(border_path(mask))) == differ


def test_pixels_that_touch_at_a_corner_are_two_rings() -> None:
    assert border_path(np.eye(3, dtype=bool)).count("z") == 3

"""Rings with fewer corners: areas by the shoelace formula, corners within the tolerance, small rings exact."""

import numpy as np

from tagalign.export.polygons.simplifying import AREA_TOLERANCE, ring_areas, simplified
from tagalign.export.polygons.tracing import Outlines


def outlines(*rings):
    bounds = np.cumsum([0, *map(len, rings)])
    corners = np.concatenate([np.array(ring) for ring in rings])
    return Outlines(corners=corners, bounds=bounds, cuts=np.zeros(len(corners), dtype=bool))


def shoelace(ring):
    return sum(ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1] for i in range(len(ring))) / 2


def staircase(side):
    """A right triangle with two straight sides and a staircase for the third, along pixel borders."""
    return [(0, 0), (side, 0), *((x - left, side - x + 1) for x in range(side, 0, -1) for left in (0, 1))]


def distance(point, start, end):
    along, offset = np.subtract(end, start), np.subtract(point, start)
    share = np.clip(np.dot(along, offset) / max(np.dot(along, along), 1e-12), 0, 1)
    return np.linalg.norm(offset - share * along)


def test_areas_are_those_of_the_shoelace_formula():
    rings = ([(0, 0), (4, 0), (4, 3), (0, 3)], [(0, 0), (0, 5), (2, 5)], staircase(9))
    assert ring_areas(outlines(*rings)).tolist() == [shoelace(ring) for ring in rings]


def test_a_staircase_becomes_a_slope_within_the_tolerance():
    # of 500 steps: dropping them costs the area at most 500 of 125,250 pixels, below AREA_TOLERANCE
    ring = staircase(500)
    exact = outlines(ring)
    area = ring_areas(exact).astype(np.int64)
    found = simplified(exact, area, 1.0)
    kept = found.corners.tolist()
    assert len(kept) < len(ring) / 4
    assert abs(shoelace(kept) - area[0]) <= AREA_TOLERANCE * area[0]
    assert all(min(distance(point, kept[i - 1], kept[i]) for i in range(len(kept))) <= 1.0 for point in ring)


def test_small_rings_stay_exact_and_others_beside_them_do_not():
    small, large = staircase(8), staircase(500)
    exact = outlines(small, large)
    found = simplified(exact, ring_areas(exact).astype(np.int64), 1.0)
    assert found.corners[: found.bounds[1]].tolist() == [list(point) for point in small]
    assert found.bounds[2] - found.bounds[1] < len(large)


def test_the_ends_of_cuts_stay():
    exact = outlines(staircase(500))
    cuts = exact.cuts.copy()
    cuts[[20, 51]] = True
    marked = Outlines(corners=exact.corners, bounds=exact.bounds, cuts=cuts)
    found = simplified(marked, ring_areas(marked).astype(np.int64), 1.0)
    assert found.corners[found.cuts].tolist() == exact.corners[[20, 51]].tolist()

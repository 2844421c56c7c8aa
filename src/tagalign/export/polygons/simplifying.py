"""Fewer corners for many rings at once (Douglas and Peucker), as long as their areas stay."""

import numpy as np
from jaxtyping import Bool, Float, Int

from tagalign.export.polygons.tracing import Outlines

AREA_TOLERANCE = 0.005
"""Simplifying may change an area by half a per cent; we promise two, the rest is left to the rounding of readers."""
FINE_AREA = 400
"""Parts up to this many pixels keep every corner: a reader's rounding of slanted lines would cost them per cents."""
NOISY = 0.5
"""Corners per pixel above which a part keeps them all: every corner dropped there takes area with it, and the attempt
on a part with a million corners costs seconds."""
LEAST_TOLERANCE = 0.5  # of a pixel: the corners of a staircase of pixels are 0.7 from its middle

Rings = Int[np.ndarray, " _"]
Distances = Float[np.ndarray, " _"]
SomeCorners = Float[np.ndarray, "corners 2"]


def simplified(exact: Outlines, areas: Rings, tolerance: float) -> Outlines:
    """Rings without the corners that lie within ``tolerance`` of the rest.

    Where the area would change too much half the tolerance is tried; where that does not help, or the part is small,
    the ring stays exact.

    Args:
        exact: outlines along the pixel borders.
        areas: of the parts, in pixels.
        tolerance: largest distance of a dropped corner, in pixels.
    """
    keep = np.ones(len(exact.corners), dtype=bool)
    sizes = np.diff(exact.bounds)
    left = np.flatnonzero((areas > FINE_AREA) & (sizes < NOISY * areas))
    while len(left) and tolerance >= LEAST_TOLERANCE:
        where, some = _only(exact, left)
        kept = _kept(some, tolerance)
        changed = np.abs(ring_areas(_subset(some, kept)) - areas[left])
        good = (changed <= AREA_TOLERANCE * areas[left]) & (np.add.reduceat(kept, some.bounds[:-1]) >= 3)
        done = np.repeat(good, np.diff(some.bounds))
        keep[where[done]] = kept[done]
        left = left[~good]
        tolerance /= 2
    return _subset(exact, keep)


def ring_areas(outlines: Outlines) -> Float[np.ndarray, " rings"]:
    """Signed area inside each ring, positive when it runs clockwise on the screen (y down)."""
    x, y = outlines.corners.T.astype(np.int64)
    after = np.arange(1, len(x) + 1)
    after[outlines.bounds[1:] - 1] = outlines.bounds[:-1]  # each ring closes on itself
    twice = np.concatenate([[0], np.cumsum(x * y[after] - x[after] * y)])
    return np.asarray(np.diff(twice[outlines.bounds]) / 2)


def _only(outlines: Outlines, rings: Rings) -> tuple[Int[np.ndarray, " corners"], Outlines]:
    """Some of the rings, and the places of their corners."""
    sizes = np.diff(outlines.bounds)[rings]
    where = _spread(outlines.bounds[rings], sizes)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    return where, Outlines(corners=outlines.corners[where], bounds=bounds, cuts=outlines.cuts[where])


def _subset(outlines: Outlines, keep: Bool[np.ndarray, " corners"]) -> Outlines:
    """The rings with the kept corners alone."""
    if keep.all():  # noise, of millions of corners
        return outlines
    bounds = np.concatenate([[0], np.cumsum(keep)])[outlines.bounds]
    return Outlines(corners=outlines.corners[keep], bounds=bounds, cuts=outlines.cuts[keep])


def _spread(firsts: Rings, sizes: Rings) -> Int[np.ndarray, " _"]:
    """``first, first + 1, ...`` of each span, one span after the other."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - ends + sizes, sizes)


def _kept(outlines: Outlines, tolerance: float) -> Bool[np.ndarray, " corners"]:
    """Douglas and Peucker on closed rings, cut at the first corner, the one farthest from it, and the ends of cuts."""
    sizes = np.diff(outlines.bounds)
    # every ring followed by its first corner, so that a span never wraps around
    again = _spread(outlines.bounds[:-1], sizes + 1)
    again[np.cumsum(sizes + 1) - 1] = outlines.bounds[:-1]
    points = outlines.corners[again].astype(np.float64)
    last = np.cumsum(sizes + 1) - 1
    first = last - sizes
    keep = outlines.cuts[again]
    keep[first] = keep[last] = True
    farthest, _ = _farthest(
        ((points - np.repeat(points[first], sizes + 1, axis=0)) ** 2).sum(axis=1), first, sizes + 1
    )
    keep[farthest] = True
    ends = np.flatnonzero(keep)
    spans = np.stack([ends[:-1], ends[1:]], axis=1)
    while len(spans := spans[spans[:, 1] - spans[:, 0] > 1]):
        inner = spans[:, 1] - spans[:, 0] - 1
        where = _spread(spans[:, 0] + 1, inner)
        start, end = (
            np.repeat(points[spans[:, 0]], inner, axis=0),
            np.repeat(points[spans[:, 1]], inner, axis=0),
        )
        middle, distance = _farthest(_distances(points[where], start, end), np.cumsum(inner) - inner, inner)
        middle = where[middle]
        far = distance > tolerance
        keep[middle[far]] = True
        spans = np.concatenate(
            [np.stack([spans[far, 0], middle[far]], axis=1), np.stack([middle[far], spans[far, 1]], axis=1)]
        )
    return np.delete(keep, last)


def _farthest(values: Distances, first: Rings, sizes: Rings) -> tuple[Rings, Distances]:
    """The place of the largest value of each span, the first where it occurs twice, and that value."""
    largest = np.maximum.reduceat(values, first)
    places = np.flatnonzero(values == np.repeat(largest, sizes))
    owner = np.searchsorted(first, places, side="right") - 1
    found = np.empty(len(first), dtype=np.int64)
    found[owner[::-1]] = places[::-1]
    return found, largest


def _distances(points: SomeCorners, start: SomeCorners, end: SomeCorners) -> Distances:
    """Distance of each point from the segment between its two ends."""
    along, offset = end - start, points - start
    length = (along**2).sum(axis=1)
    share = np.divide((offset * along).sum(axis=1), length, out=np.zeros(len(points)), where=length > 0)
    return np.asarray(np.hypot(*(offset - share.clip(0, 1)[:, None] * along).T))

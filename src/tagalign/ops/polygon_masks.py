"""Polygons as masks: the one rule by which corners become pixels.

A pixel belongs to a polygon when the outline passes above its centre an odd number of times. Corners are rounded to fifths
of a pixel before and places on slanted edges after, which is COCO's rule: the same polygons give the same pixels as
pycocotools does. An outline along the borders of pixels gives exactly the pixels inside; a hole that is joined to it by a
cut of no width stays a hole.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.flips import Flips, joined, odd_ones, runs_of_flips
from tagalign.ops.masks import mask_of_runs

STEPS = 5
"""Places a pixel, in each direction."""
MOST_CROSSINGS = 10_000_000
"""Of one polygon with columns of pixels: a damaged file may hold a zigzag that would fill the memory."""
AT_ONCE = 1_000_000
"""Crossings that are computed together, about 100 MB."""

Ring = Float[np.ndarray, "_ 2"]
RingCorners = Int[np.ndarray, "_ 2"]
RingEdges = Int[np.ndarray, "edges 4"]
Numbers = Int[np.ndarray, " _"]
CrossingRows = Float[np.ndarray, " _"]


class TooFewCorners(DataError):
    """A polygon of one or two corners."""


def mask_of_polygons(rings: Sequence[Ring], size: Size) -> Bool[np.ndarray, "height width"]:
    """Pixels inside at least one polygon.

    Args:
        rings: ``(x, y)`` of the corners in pixels, the outer corner of the first pixel at (0, 0); closed by themselves.
            What lies outside of the image is cut off.
        size: of the image.

    Returns:
        No pixel at all without a ring.

    Raises:
        DataError: for fewer than three corners, a corner that is no finite number, or an outline that crosses more than
            ``MOST_CROSSINGS`` columns.
    """
    runs = runs_of_flips(flips_of_polygons(rings, size), size)
    return mask_of_runs(runs.tolist(), size).numpy()


def flips_of_polygons(rings: Sequence[Ring], size: Size) -> Flips:
    """The same as ``ops.flips`` has masks: nothing is painted."""
    return joined([flips_or_raise(one) for one in flips_of_each(rings, size)])


def flips_or_raise(found: Flips | DataError) -> Flips:
    """One of ``flips_of_each``.

    Raises:
        DataError: if it is one.
    """
    if isinstance(found, DataError):
        raise found
    return found


def flips_of_each(rings: Sequence[Ring], size: Size) -> list[Flips | DataError]:
    """Flips of each polygon by itself; of one that is none, why. Ten together take a fifth of the time.

    Args:
        rings: as of ``mask_of_polygons``.
        size: of the image.
    """
    corners = _all_checked(rings, size)
    flips = iter(_flips([one for one in corners if not isinstance(one, DataError)], size))
    return [one if isinstance(one, DataError) else next(flips) for one in corners]


def _all_checked(rings: Sequence[Ring], size: Size) -> Sequence[RingCorners | DataError]:
    """Corners of each ring; all at once where nothing is wrong with any."""
    lengths = [len(ring) for ring in rings]
    if rings and min(lengths) >= 3 and max(lengths) * size[1] <= MOST_CROSSINGS:
        together = np.concatenate(rings)
        if np.abs(together).max() <= _farthest(size):  # and so finite
            return np.split(_in_steps(together), np.cumsum(lengths)[:-1])
    found: list[RingCorners | DataError] = []
    for ring in rings:
        try:
            found.append(_checked(ring, size))
        except DataError as error:
            found.append(error)
    return found


def _farthest(size: Size) -> int:
    return 100 * (max(size) + 1)


def _in_steps(ring: Ring) -> RingCorners:
    return np.trunc(STEPS * ring + 0.5).astype(np.int64)


def _checked(ring: Ring, size: Size) -> RingCorners:
    """Corners in steps."""
    if len(ring) < 3:
        raise TooFewCorners(f"a polygon needs at least three corners, got {len(ring)}")
    if not np.isfinite(ring).all():
        raise DataError("a polygon has a corner that is no finite number")
    far = _farthest(size)
    if np.abs(ring).max() > far:
        raise DataError(
            f"a polygon has a corner more than {far:,} pixels away from an image of {max(size):,} pixels"
        )
    corners = _in_steps(ring)
    # no outline can cross more columns than that; only of a suspect one they are counted
    if len(corners) * size[1] > MOST_CROSSINGS:
        count = int(_columns(corners[:, 0], np.roll(corners[:, 0], -1), size)[1].sum())
        if count > MOST_CROSSINGS:
            raise DataError(f"a polygon with {len(corners):,} corners crosses {count:,} columns of pixels")
    return corners


def _flips(rings: Sequence[RingCorners], size: Size) -> list[Flips]:
    """Flips of rings that were checked, as many at once as fit into ``AT_ONCE`` crossings."""
    found: list[Flips] = []
    some: list[RingCorners] = []
    crossings = 0
    for ring in rings:
        most = len(ring) * size[1]
        if some and crossings + most > AT_ONCE:
            found += _flips_together(some, size)
            some, crossings = [], 0
        some.append(ring)
        crossings += most
    return found + (_flips_together(some, size) if some else [])


def _flips_together(rings: Sequence[RingCorners], size: Size) -> list[Flips]:
    lengths = np.array([len(ring) for ring in rings])
    number = np.repeat(np.arange(len(rings)), lengths)
    start = np.concatenate(rings)
    following = np.arange(1, len(start) + 1)
    firsts = np.cumsum(lengths) - lengths
    following[firsts + lengths - 1] = firsts  # rings are closed by themselves
    edges = np.concatenate([start, start[following]], axis=1)
    # the cells of each ring behind those of the one before, so that one sorting serves all
    stride = size[0] * size[1] + 1
    places = np.concatenate([np.zeros(0, dtype=np.int64), *_crossings(edges, number * stride, size)])
    places.sort()
    places = odd_ones(places)
    places = places[places % stride < stride - 1]  # behind the last cell nothing changes
    bounds = np.searchsorted(places, np.arange(len(rings) + 1) * stride)
    ends = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    places %= stride
    return [places[a:b] for a, b in ends]


def _columns(x0: Numbers, x1: Numbers, size: Size) -> tuple[Numbers, Numbers]:
    """The first column whose centre each edge crosses, and how many it does."""
    # number k lies between the steps 5 k + 2 and 5 k + 3
    first = np.maximum(-((np.minimum(x0, x1) - 2) // -STEPS), 0)
    last = np.minimum((np.maximum(x0, x1) - 3) // STEPS, size[1] - 1)
    return first, np.maximum(last - first + 1, 0)


def _crossings(edges: RingEdges, base: Numbers, size: Size) -> Iterator[Numbers]:
    """Cells, counted down the columns from ``base`` on, whose upper border an edge crosses at the centre of a column."""
    swap = edges[:, 0] > edges[:, 2]
    edges = np.where(swap[:, None], edges[:, [2, 3, 0, 1]], edges)  # from the left to the right
    first, counts = _columns(edges[:, 0], edges[:, 2], size)
    is_flat = edges[:, 2] - edges[:, 0] >= np.abs(edges[:, 3] - edges[:, 1])
    for rows, kind in ((_flat_rows, is_flat), (_steep_rows, ~is_flat)):
        chosen = np.flatnonzero(kind & (counts > 0))
        done = np.cumsum(counts[chosen])
        cuts = np.searchsorted(done, np.arange(AT_ONCE, done[-1] if len(done) else 0, AT_ONCE))
        for part in np.split(chosen, np.unique(cuts)):
            edge = np.repeat(np.arange(len(part)), counts[part])
            begin = first[part] - (np.cumsum(counts[part]) - counts[part])
            column = np.arange(len(edge)) + begin[edge]
            row = rows(edges[part], edge, STEPS * column + 2).astype(np.int64)
            # the upper of the two steps beside the centre, then the first cell whose centre lies below it
            cell = np.clip((row + STEPS // 2) // STEPS, 0, size[0])
            yield base[part][edge] + column * size[0] + cell


# Below: the higher of the places of an edge at two neighbouring steps to the right, the first of them ``before``. A flat one
# has one place per step to the right, a steep one a place per step down: there the two places are those between which it
# moves to the right. What is the same for a whole edge is computed once and then taken for each of its crossings.


def _flat_rows(edges: RingEdges, edge: Numbers, before: Numbers) -> CrossingRows:
    x0, y0, x1, y1 = edges.T
    slope = ((y1 - y0) / np.maximum(x1 - x0, 1))[edge]
    across, start = before - x0[edge], y0[edge] + 0.0
    here = np.trunc(start + slope * across + 0.5)
    after = np.trunc(start + slope * (across + 1) + 0.5)
    return np.minimum(here, after)


def _steep_rows(edges: RingEdges, edge: Numbers, before: Numbers) -> CrossingRows:
    x0, y0, x1, y1 = edges.T
    goes_up = y1 < y0  # to the right; the edge is walked from its upper end
    length = np.maximum(np.abs(y1 - y0), 1)
    slopes = np.where(goes_up, x0 - x1, x1 - x0) / length
    is_up, slope, last = goes_up[edge], slopes[edge], length[edge]
    top_x = np.where(goes_up, x1, x0)[edge] + 0.0
    step = np.clip(np.ceil((before + 0.5 - top_x) / np.where(slopes == 0, 1.0, slopes)[edge]), 0, last)
    # the division is rounded: the step where the side changes is this one or a neighbour
    is_right = np.trunc(top_x + slope * (step - 1) + 0.5) > before
    step = step - ((is_right != is_up) & (step > 0))
    is_right = np.trunc(top_x + slope * step + 0.5) > before
    step = step + ((is_right == is_up) & (step < last))
    return np.where(goes_up, y1, y0)[edge] + step - 1

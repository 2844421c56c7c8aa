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
from tagalign.ops.masks import mask_of_runs
from tagalign.types import Size

STEPS = 5
"""Places a pixel, in each direction."""
CENTRE = 2.5
"""Of the first pixel, in steps: between the second step and the third."""
MOST_CROSSINGS = 30_000_000
"""Of one polygon with columns of pixels: a damaged file may hold a zigzag that would fill the memory."""

Ring = Float[np.ndarray, "_ 2"]
Numbers = Int[np.ndarray, " _"]


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
    mask = np.zeros(size, dtype=bool)
    for ring in rings:
        mask |= mask_of_runs(runs_of_polygon(ring, size), size).numpy()
    return mask


def runs_of_polygon(ring: Ring, size: Size) -> list[int]:
    """Lengths of the runs down the columns, the first of cells outside, as ``masks.run_lengths``."""
    height, width = size
    corners = _checked(ring, size)
    places = np.concatenate([np.zeros(0, dtype=np.int64), *_crossings(corners, size)])
    where, count = np.unique(places, return_counts=True)
    turns = where[count % 2 == 1]  # two that fall together take each other back
    runs = np.diff(np.concatenate([[0], turns, [height * width]]))
    found: list[int] = runs.tolist()
    return found if found[-1] else found[:-1]


def _checked(ring: Ring, size: Size) -> Int[np.ndarray, "corners 2"]:
    """Corners in steps."""
    if len(ring) < 3:
        raise TooFewCorners(f"a polygon needs at least three corners, got {len(ring)}")
    if not np.isfinite(ring).all():
        raise DataError("a polygon has a corner that is no finite number")
    far = 100 * (max(size) + 1)
    if np.abs(ring).max() > far:
        raise DataError(
            f"a polygon has a corner more than {far:,} pixels away from an image of {max(size):,} pixels"
        )
    return np.trunc(STEPS * ring + 0.5).astype(np.int64)


def _crossings(corners: Int[np.ndarray, "corners 2"], size: Size) -> Iterator[Numbers]:
    """Cells, counted down the columns, whose upper border is where the outline crosses the centre of a column."""
    start, end = corners, np.roll(corners, -1, axis=0)
    swap = start[:, 0] > end[:, 0]
    left, right = np.where(swap[:, None], end, start), np.where(swap[:, None], start, end)
    # of the columns between two steps: number k lies between the steps 5 k + 2 and 5 k + 3
    first = np.maximum(-((left[:, 0] - 2) // -STEPS), 0)
    last = np.minimum((right[:, 0] - 3) // STEPS, size[1] - 1)
    counts = np.maximum(last - first + 1, 0)
    if counts.sum() > MOST_CROSSINGS:
        raise DataError(
            f"a polygon with {len(corners):,} corners crosses {int(counts.sum()):,} columns of pixels"
        )
    edge = np.repeat(np.arange(len(counts)), counts)
    column = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    row = _rows(left[edge], right[edge], STEPS * column + 2)
    # the upper of the two steps beside the centre, then the first cell whose centre lies below it
    inside = np.clip((row + 0.5) / STEPS - 0.5, 0, size[0])
    yield column * size[0] + np.ceil(inside).astype(np.int64)


def _rows(left: Int[np.ndarray, "n 2"], right: Int[np.ndarray, "n 2"], before: Numbers) -> Numbers:
    """The higher of the places of an edge at two neighbouring steps to the right, the first of them ``before``.

    A flat edge has one place per step to the right, a steep one a place per step down: there the two places are those
    between which it moves to the right.
    """
    (x0, y0), (x1, y1) = left.T, right.T
    across, down = x1 - x0, np.abs(y1 - y0)
    flat = across >= down
    slope = (y1 - y0) / np.maximum(across, 1)
    here = np.trunc(y0 + slope * (before - x0) + 0.5)
    after = np.trunc(y0 + slope * (before + 1 - x0) + 0.5)
    steep = _steep_rows(np.stack([x0, y0, x1, y1], axis=1), before)
    return np.where(flat, np.minimum(here, after), steep).astype(np.int64)


def _steep_rows(edges: Int[np.ndarray, "n 4"], before: Numbers) -> Numbers:
    """The upper of the two steps down between which a steep edge goes from ``before`` to the next step to the right."""
    x0, y0, x1, y1 = edges.T
    is_up = y1 < y0  # to the right; the edge is walked from its upper end
    top_x, top = np.where(is_up, x1, x0), np.where(is_up, y1, y0)
    length = np.maximum(np.abs(y1 - y0), 1)
    slope = np.where(is_up, x0 - x1, x1 - x0) / length
    safe = np.where(slope == 0, 1.0, slope)
    step = np.clip(np.ceil((before + 0.5 - top_x) / safe), 0, length)

    def is_right(at: np.ndarray) -> np.ndarray:
        return np.asarray(np.trunc(top_x + slope * at + 0.5) > before)

    # the division is rounded: the step where the side changes is this one or a neighbour
    is_far = np.where(is_up, ~is_right(step - 1), is_right(step - 1)) & (step > 0)
    step = np.where(is_far, step - 1, step)
    is_near = np.where(is_up, is_right(step), ~is_right(step)) & (step < length)
    step = np.where(is_near, step + 1, step)
    return np.asarray(top + step - 1).astype(np.int64)

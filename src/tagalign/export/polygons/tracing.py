"""Outlines of all parts of a label at once, along the pixel borders, in time that grows with the pixels and no faster.

A step goes from one corner point of the pixel grid to the next, with its part on the right hand:

    . a b .      the outline of the part  b   runs right, down, left, up;
    . # # .                                #   around a hole it runs the other way.

"The step after each step" is a permutation, and every ring is one of its cycles. A hole is joined to what surrounds it
by exchanging two entries of that permutation: its ring is entered and left along one cut of no width.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

RIGHT, DOWN, LEFT, UP = range(4)

Cells = Int[np.ndarray, "rows cols"]
Inside = Bool[np.ndarray, "rows cols"]
PointNumbers = Int[np.ndarray, " _"]
"""Points of the pixel grid as ``row * (cols + 1) + col``; also places of steps in a list of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlines:
    """One closed ring per part, holes joined to it.

    Attributes:
        corners: ``(x, y)`` of all rings, one ring after the other, on the borders of pixels.
        bounds: ring ``i`` has the corners ``bounds[i]`` to ``bounds[i + 1]``.
        cuts: True for corners where the ring jumps to or from a hole; they must stay, or the cut gets a width.
    """

    corners: Int[np.ndarray, "corners 2"]
    bounds: Int[np.ndarray, " bounds"]
    cuts: Bool[np.ndarray, " corners"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Steps:
    """Steps by heading, within a heading by the point they leave, and for each the place of the step after it."""

    start: Int[np.ndarray, " steps"]
    heading: Int[np.ndarray, " steps"]
    following: Int[np.ndarray, " steps"]
    width: int
    """Points a row."""
    places: tuple[PointNumbers, ...]
    """By heading: for each point the place of the step that leaves it with that heading, where there is one."""

    def at(self, heading: int, points: PointNumbers) -> PointNumbers:
        """Places of the steps that leave these points with a heading; they must exist."""
        return np.asarray(self.places[heading][points])

    def end(self) -> PointNumbers:
        """The point each step leads to."""
        return np.asarray(self.start + _strides(self.width)[self.heading])


def _strides(width: int) -> PointNumbers:
    return np.array([1, width, -1, -width], dtype=np.int32)


def trace(parts: Cells, count: int) -> Outlines:
    """The exact outline of every part.

    Args:
        parts: number of the part of each pixel, from 1; 0 belongs to none. Pixels that touch by a side or a corner
            belong to the same part, as ``scipy.ndimage.label`` with eight neighbours numbers them.
        count: of parts; every number up to it must occur.
    """
    inside = parts > 0
    steps = _border_steps(inside)
    following = _with_holes(inside, steps)
    rows, cols = np.divmod(_first_cells(parts, count), parts.shape[1])
    starts = steps.at(RIGHT, rows * steps.width + cols)  # the upper border of a part's first pixel
    return _corners(steps, _in_order(following, starts), starts)


def _border_steps(inside: Inside) -> _Steps:
    """Where pixels touch by a corner two steps leave one point; turning left keeps such pixels one part."""
    padded = np.pad(inside, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    width = inside.shape[1] + 1
    leaves = [(a & ~b).reshape(-1) for a, b in ((se, ne), (sw, se), (nw, sw), (ne, nw))]
    starts = [np.flatnonzero(leaving).astype(np.int32) for leaving in leaves]
    first = np.cumsum([0, *map(len, starts)])
    place = [
        np.cumsum(leaving, dtype=np.int32) + np.int32(f - 1)
        for leaving, f in zip(leaves, first, strict=False)
    ]
    following = []
    for heading, start in enumerate(starts):
        end = start + _strides(width)[heading]
        left, right = (heading + 3) % 4, (heading + 1) % 4
        ahead = np.where(leaves[heading][end], place[heading][end], place[right][end])
        following.append(np.where(leaves[left][end], place[left][end], ahead))
    return _Steps(
        start=np.concatenate(starts),
        heading=np.repeat(np.arange(4, dtype=np.int8), np.diff(first)),
        following=np.concatenate(following),
        width=width,
        places=tuple(place),
    )


def _with_holes(inside: Inside, steps: _Steps) -> PointNumbers:
    """The step after each, where the ring of every hole is part of the ring it lies in.

    From the uppermost of its leftmost pixels a hole looks left, over pixels of the part that surrounds it, to the
    border where they end: of the outline, or of a hole that reaches farther left. So the cuts form a tree.
    """
    following = steps.following.copy()
    y, x = _hole_places(inside)
    if len(x):
        down = steps.at(DOWN, y * steps.width + x)
        up = steps.at(UP, (y + 1) * steps.width + _run_starts(inside)[y, x - 1])
        last = _inverse(following)[down]
        following[last], following[up] = following[up], down
    return following


def _hole_places(inside: Inside) -> tuple[PointNumbers, PointNumbers]:
    """Row and column of the uppermost of the leftmost pixels of each hole."""
    # transposed, so that the first cell is the leftmost; background is connected by sides where parts touch by corners
    holes, count = ndimage.label(~np.pad(inside, 1).T)
    first = _first_cells(holes, count)
    col, row = np.divmod(first[1:], holes.shape[1])  # number 1 is the outside: it has the first cell of all
    return row - 1, col - 1  # without the padding


def _run_starts(inside: Inside) -> Cells:
    """For each pixel of a part the column where its run begins, along the row."""
    begins = inside.copy()
    begins[:, 1:] &= ~inside[:, :-1]
    columns = np.arange(inside.shape[1], dtype=np.int32)
    return np.asarray(np.maximum.accumulate(np.where(begins, columns, 0), axis=1))


def _first_cells(numbers: Cells, count: int) -> PointNumbers:
    """Flat place of the first cell of each number from 1 to ``count``."""
    flat = numbers.reshape(-1)
    first = np.empty(count + 1, dtype=np.int64)
    first[flat[::-1]] = np.arange(flat.size - 1, -1, -1)  # the last write wins
    return first[1:]


def _inverse(permutation: PointNumbers) -> PointNumbers:
    inverse = np.empty_like(permutation)
    inverse[permutation] = np.arange(len(permutation), dtype=permutation.dtype)
    return inverse


def _in_order(following: PointNumbers, starts: PointNumbers) -> PointNumbers:
    """All steps, cycle by cycle from its start.

    The cycles are made one, each going over into the next: then one walk in compiled code has them all.
    """
    if not len(starts):
        return starts
    walk = following.copy()
    walk[_inverse(following)[starts]] = np.roll(starts, -1)
    ones, rows = np.ones(len(walk)), np.arange(len(walk) + 1, dtype=np.int32)
    graph = csr_array((ones, walk, rows), shape=(len(walk), len(walk)))
    return np.asarray(breadth_first_order(graph, starts[0], return_predecessors=False))


def _corners(steps: _Steps, order: PointNumbers, starts: PointNumbers) -> Outlines:
    """Points where the heading changes, and both ends of every cut."""
    heading, start, end = steps.heading[order], steps.start[order], steps.end()[order]
    bounds = np.append(_inverse(order)[starts], len(order))
    next_heading, next_start = _next(heading, bounds), _next(start, bounds)
    jumps = next_start != end
    turns = (next_heading != heading) | jumps
    at = np.zeros(len(turns) + 1, dtype=np.int64)
    np.cumsum(turns.astype(np.int8) + jumps, out=at[1:])
    # few of the steps, looked at several times
    turning, jumping = np.flatnonzero(turns), np.flatnonzero(jumps)
    found = np.empty(at[-1], dtype=np.int32)
    cuts = np.zeros(at[-1], dtype=bool)
    found[at[turning]] = end[turning]
    found[at[jumping + 1] - 1] = next_start[jumping]
    cuts[at[jumping]] = cuts[at[jumping + 1] - 1] = True
    y, x = np.divmod(found, np.int32(steps.width))
    return Outlines(corners=np.stack([x, y], axis=1), bounds=at[bounds], cuts=cuts)


def _next(values: PointNumbers, bounds: PointNumbers) -> PointNumbers:
    """The value after each, within its ring."""
    after = np.roll(values, -1)
    after[bounds[1:] - 1] = values[bounds[:-1]]
    return after

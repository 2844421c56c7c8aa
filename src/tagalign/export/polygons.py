"""Masks as polygons: the outline along the pixel borders, holes joined to it, corners dropped as far as it is safe."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

AREA_TOLERANCE = 0.005
"""Simplifying may change an area by half a per cent; we promise two, the rest is left to the rounding of readers."""
FINE_AREA = 400
"""Parts up to this many pixels keep every corner: a reader's rounding of slanted lines would cost them per cents."""

Ring = Float[np.ndarray, "_ 2"]
Point = Float[np.ndarray, " 2"]
_TOUCHING = np.ones((3, 3), dtype=bool)


def polygons(mask: Bool[np.ndarray, "height width"], *, tolerance: float = 1.0) -> list[Ring]:
    """One closed ring per connected part of a mask, largest first; ``(x, y)`` of its corners in pixels.

    Corners lie on the borders of pixels, so the mask of the single pixel (0, 0) has the corners (0, 0) and (1, 1).
    A hole is joined to the outline by a cut of no width, because COCO and YOLO know no holes. Corners are dropped
    (Douglas and Peucker) while the ring stays within ``tolerance`` and the area within half a per cent; a part too
    small or too fine for that keeps all.

    Args:
        mask: what to outline; without True pixels there are no rings.
        tolerance: largest distance of a dropped corner, in pixels; 0 keeps the exact outline.
    """
    parts, _ = ndimage.label(mask, structure=_TOUCHING)
    rings = []
    for part, (rows, cols) in enumerate(ndimage.find_objects(parts), start=1):
        ring = _outline(parts[rows, cols] == part, tolerance)
        rings.append(ring + np.array([cols.start, rows.start], dtype=np.float64))
    return sorted(rings, key=lambda ring: -abs(signed_area(ring)))


def signed_area(ring: Ring) -> float:
    """Area inside a ring, positive when it runs clockwise on the screen (y down).

    >>> signed_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]))
    6.0
    """
    x, y = ring[:, 0], ring[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _outline(part: Bool[np.ndarray, "rows cols"], tolerance: float) -> Ring:
    exact = _trace(part)
    area = int(part.sum())
    while (
        area > FINE_AREA and tolerance >= 0.5
    ):  # the corners of a staircase of pixels are 0.7 from its middle
        simple = [_simplify(ring, tolerance) for ring in exact]
        if abs(sum(map(signed_area, simple)) - area) <= AREA_TOLERANCE * area:
            return _join(simple)
        tolerance /= 2
    return _join(exact)


def _trace(part: Bool[np.ndarray, "rows cols"]) -> list[Ring]:
    """The outline first, then the holes; corners only."""
    steps, following, width = _border_steps(part)
    heading, start = np.divmod(steps, (part.shape[0] + 1) * width)
    turns, end = heading[following] != heading, start[following]
    rings = []
    for ring in _cycles(following.tolist()):
        corners = end[ring][turns[ring]]
        rings.append(np.stack([corners % width, corners // width], axis=1).astype(np.float64))
    return sorted(rings, key=signed_area, reverse=True)  # the outline is positive, holes are negative


def _cycles(following: list[int]) -> Iterator[list[int]]:
    """The cycles of a permutation."""
    seen = bytearray(len(following))
    for first in range(len(following)):
        if seen[first]:
            continue
        cycle, step = [], first
        while not seen[step]:
            seen[step] = 1
            cycle.append(step)
            step = following[step]
        yield cycle


def _border_steps(
    part: Bool[np.ndarray, "rows cols"],
) -> tuple[Int[np.ndarray, " steps"], Int[np.ndarray, " steps"], int]:
    """Steps from point to point with the part on the right hand, the number of the step after each, points a row.

    A step is ``heading * points + start``; headings are right, down, left, up. Where pixels touch by a corner two
    steps leave one point; turning left keeps such pixels one part.
    """
    padded = np.pad(part, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    leaves = np.stack([se & ~ne, sw & ~se, nw & ~sw, ne & ~nw]).reshape(4, -1)
    points, width = leaves.shape[1], part.shape[1] + 1
    steps = np.flatnonzero(leaves)
    heading, start = np.divmod(steps, points)
    end = start + np.array([1, width, -1, -width])[heading]
    left, right = (heading + 3) % 4, (heading + 1) % 4
    turn = np.where(leaves[left, end], left, np.where(leaves[heading, end], heading, right))
    return steps, np.searchsorted(steps, turn * points + end), width


def _simplify(ring: Ring, tolerance: float) -> Ring:
    """Douglas and Peucker on a closed ring, cut at its first point and the point farthest from it."""
    far = int(((ring - ring[0]) ** 2).sum(axis=1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    keep = np.zeros(len(closed), dtype=bool)
    keep[[0, far, -1]] = True
    _keep_far_points(closed, [(0, far), (far, len(ring))], tolerance, keep)
    simple = ring[keep[:-1]]
    return simple if len(simple) >= 3 else ring


def _keep_far_points(
    points: Ring, spans: list[tuple[int, int]], tolerance: float, keep: Bool[np.ndarray, " _"]
) -> None:
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        middle = first + 1 + int(distances.argmax())
        if distances[middle - first - 1] > tolerance:
            keep[middle] = True
            spans += [(first, middle), (middle, last)]


def _distances(
    points: Float[np.ndarray, "corners 2"], start: Point, end: Point
) -> Float[np.ndarray, " corners"]:
    """Distance of points from the segment between two points."""
    along = end - start
    length = float(along @ along)
    if length == 0:
        return np.asarray(np.hypot(*(points - start).T))
    share = (((points - start) @ along) / length).clip(0, 1)
    return np.asarray(np.hypot(*(points - start - share[:, None] * along).T))


def _join(rings: list[Ring]) -> Ring:
    """One ring: every hole is reached from the nearest corner and left the same way."""
    outline, *holes = rings
    for hole in holes:
        gaps = ((outline[:, None] - hole[None]) ** 2).sum(axis=2)
        at, start = np.unravel_index(int(gaps.argmin()), gaps.shape)
        turned = np.roll(hole, -int(start), axis=0)
        outline = np.concatenate([outline[: at + 1], turned, turned[:1], outline[at:]])
    return outline

"""The border of a mask as one SVG path along the pixels: level and upright steps in turn, holes against the clock.

``export.polygons`` joins holes to the outline by cuts, for formats that know none; a drawn outline would show them.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

Corner = tuple[int, int]
Straight = tuple[Corner, Corner]
RIGHT_OF = {(0, 1): (-1, 0), (0, -1): (1, 0), (1, 0): (0, 1), (-1, 0): (0, -1)}
"""The turn to the right on a screen, by the direction (x, y) of a run."""


def border_path(mask: Bool[np.ndarray, "rows cols"]) -> str:
    """The path; the inside lies to the right of every step, so holes stay open under either rule of filling.

    Pixels that touch at a corner alone are in two rings.

    >>> border_path(np.array([[True, True], [True, False]]))
    'M0 0h2v1h-1v1h-1v-2z'
    """
    return "".join(map(_drawn, _rings(mask)))


def _drawn(ring: list[Straight]) -> str:
    (x, y), _ = ring[0]
    steps = (f"h{to_x - at_x}" if to_x != at_x else f"v{to_y - at_y}" for (at_x, at_y), (to_x, to_y) in ring)
    return f"M{x} {y}{''.join(steps)}z"


def _rings(mask: Bool[np.ndarray, "rows cols"]) -> Iterator[list[Straight]]:
    """Runs that follow each other until the first comes again."""
    level = [((start, y), (end, y)) for y, start, end in _runs(mask)]
    upright = [((x, end), (x, start)) for x, start, end in _runs(mask.T)]
    begins: dict[Corner, list[Straight]] = {}
    for run in level + upright:
        begins.setdefault(run[0], []).append(run)
    left = dict.fromkeys(level)  # every ring has level runs
    while left:
        run = first = next(iter(left))
        ring = list[Straight]()
        while not ring or run != first:
            left.pop(run, None)
            ring.append(run)
            run = _following(run, begins[run[1]])
        yield ring


def _following(run: Straight, choices: list[Straight]) -> Straight:
    """The run that begins where one ends; of two, at a corner where pixels touch, the one around the same pixel."""
    turn = RIGHT_OF[_direction(run)]
    return next((one for one in choices if _direction(one) == turn), choices[0])


def _direction(run: Straight) -> Corner:
    (x, y), (to_x, to_y) = run
    return (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)


def _runs(mask: Bool[np.ndarray, "lines places"]) -> Iterator[tuple[int, int, int]]:
    """Line, start and end of every stretch of border between two lines; forwards where the inside lies behind it."""
    padded = np.pad(mask, ((1, 1), (0, 0))).astype(np.int8)
    for sign in (1, -1):
        line, starts, ends = _stretches(np.diff(padded, axis=0) == sign)
        if sign == 1:
            yield from zip(line, starts, ends, strict=True)
        else:
            yield from zip(line, ends, starts, strict=True)


def _stretches(found: Bool[np.ndarray, "lines places"]) -> tuple[list[int], list[int], list[int]]:
    steps: Int[np.ndarray, "lines ends"] = np.diff(np.pad(found, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, starts = np.nonzero(steps == 1)
    return line.tolist(), starts.tolist(), np.nonzero(steps == -1)[1].tolist()

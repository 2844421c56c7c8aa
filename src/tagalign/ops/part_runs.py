"""Run lengths of many parts at once: a call per part would cost minutes on a noisy mask with a million of them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from tagalign.ops.masks import compress_many

Numbers = Int[np.ndarray, " _"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """Runs of all parts, part by part.

    Attributes:
        part: of each run, from 0, rising.
        start: its first cell, counted in the order that the runs go.
        end: one past its last cell.
    """

    part: Numbers
    start: Numbers
    end: Numbers


def runs_of_parts(lines: Int[np.ndarray, "lines cells"]) -> Runs:
    """Maximal runs of equal numbers along the lines; every line ends its runs.

    Args:
        lines: number of the part of each cell, from 1; 0 belongs to none. Transpose a map to go down its columns.
    """
    flat = lines.reshape(-1)
    edges = flat[1:] != flat[:-1]
    edges[lines.shape[1] - 1 :: lines.shape[1]] = True
    bounds = np.concatenate([[0], np.flatnonzero(edges) + 1, [flat.size]])
    start, end = bounds[:-1], bounds[1:]
    number = flat[start]
    kept = np.flatnonzero(number)
    order = kept[np.argsort(number[kept], kind="stable")]
    return Runs(part=number[order] - 1, start=start[order], end=end[order])


def moved(runs: Runs, start: Numbers) -> Runs:
    """The runs at other places, in the same order; those of a part that touch now become one."""
    end = start + runs.end - runs.start
    touches = (runs.part[1:] == runs.part[:-1]) & (start[1:] == end[:-1])
    begins, ends = np.append(True, ~touches), np.append(~touches, True)
    return Runs(part=runs.part[begins], start=start[begins], end=end[ends])


def alternating(runs: Runs, totals: Numbers) -> tuple[Numbers, Numbers]:
    """Lengths in turn of what is outside and inside of a part, as COCO and CVAT write them.

    Args:
        runs: of the parts; each has at least one.
        totals: cells that the lengths of each part fill.

    Returns:
        Lengths of all parts, the first of a part may be 0, a last of 0 is left out; and the bounds of each part in them.
    """
    is_first = np.diff(runs.part, prepend=-1) != 0
    before = np.where(is_first, 0, np.roll(runs.end, 1))
    is_last = np.roll(is_first, -1)
    tail = totals - runs.end[is_last]
    counts = np.bincount(runs.part, minlength=len(totals)) * 2 + (tail > 0)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    lengths = np.empty(bounds[-1], dtype=np.int64)
    place = 2 * np.arange(len(runs.part)) + np.concatenate([[0], np.cumsum(tail > 0)])[runs.part]
    lengths[place] = runs.start - before
    lengths[place + 1] = runs.end - runs.start
    lengths[bounds[1:][tail > 0] - 1] = tail[tail > 0]
    return lengths, bounds


def part_codes(
    parts: Int[np.ndarray, "rows cols"], count: int, *, origin: tuple[int, int], size: tuple[int, int]
) -> list[str]:
    """COCO's compressed run-length code of every part, as a mask of the whole image.

    Args:
        parts: number of the part of each pixel of a box, from 1; 0 belongs to none.
        count: of parts; every number up to it must occur.
        origin: row and column of the box in the image.
        size: of the image.
    """
    if not count:
        return []
    found = runs_of_parts(np.ascontiguousarray(parts.T))
    col, row = np.divmod(found.start, parts.shape[0])
    start = (col + origin[1]) * size[0] + row + origin[0]
    lengths, bounds = alternating(moved(found, start), np.full(count, size[0] * size[1]))
    code, ends = compress_many(lengths, bounds)
    text = code.tobytes().decode("ascii")
    places = ends.tolist()
    return [text[a:b] for a, b in pairwise(places)]

"""Masks as the places where they change: made of run lengths, joined, boxed and encoded without touching a pixel.

Cells are counted down the columns, as COCO's run lengths are. Flips are strictly rising places below ``height * width``:
cells before the first lie outside, those from the first to the second inside, and so on; after an odd number the rest is
inside. A mask of 300,000 pixels has a few hundred flips, and what is done with them costs no more than that.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from tagalign.labels import Size
from tagalign.ops.masks import check_runs, compress_many

Flips = Int[np.ndarray, " _"]
CornerBox = tuple[float, float, float, float]


def flips_of_runs(lengths: Sequence[int], size: Size) -> Flips:
    """Flips of run lengths, the first of cells outside; runs of no cell join their neighbours.

    Raises:
        DataError: if the lengths are negative or do not fill the size.
    """
    check_runs(lengths, size)
    found = odd_ones(np.cumsum(np.asarray(lengths, dtype=np.int64))[:-1])
    return found[found < size[0] * size[1]]


def odd_ones(places: Flips) -> Flips:
    """Sorted places that come an odd number of times: two changes at one place take each other back."""
    if not len(places):
        return places
    first = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
    counts = np.diff(np.append(first, len(places)))
    return places[first[counts % 2 == 1]]


def runs_of_flips(flips: Flips, size: Size) -> Int[np.ndarray, " _"]:
    """Run lengths, as ``masks.run_lengths`` of the same mask; none of an image without a cell."""
    return np.diff(flips, prepend=0, append=size[0] * size[1]) if size[0] * size[1] else np.zeros(0, np.int64)


def joined(masks: Sequence[Flips]) -> Flips:
    """Flips of what lies inside at least one of some masks; nothing of none."""
    if len(masks) < 2:
        return masks[0] if masks else np.zeros(0, dtype=np.int64)
    places = np.concatenate(masks)
    steps = np.concatenate([1 - np.arange(len(one)) % 2 * 2 for one in masks])
    order = np.argsort(places, kind="stable")
    places, over = places[order], np.cumsum(steps[order])  # over: masks that hold the cells behind a place
    last = np.flatnonzero(np.append(places[1:] != places[:-1], [True] * min(1, len(places))))
    is_inside = over[last] > 0
    return np.asarray(places[last][np.diff(is_inside, prepend=False)])


def boxes_of_flips(masks: Sequence[Flips], size: Size) -> list[CornerBox | None]:
    """XYXY around the cells inside of each, ends exclusive; None where there is none."""
    drawn = [one if len(one) % 2 == 0 else np.append(one, size[0] * size[1]) for one in masks if len(one)]
    if not drawn:
        return [None] * len(masks)
    height = size[0]
    edges = np.concatenate(drawn)
    starts, ends = edges[0::2], edges[1::2] - 1  # each mask has an even number of them
    firsts = np.cumsum([0, *map(len, drawn[:-1])]) // 2
    lasts = np.append(firsts[1:], len(starts)) - 1
    # a run from the foot of a column to the head of the next touches both ends
    goes_on = np.logical_or.reduceat(starts // height != ends // height, firsts)
    top = np.where(goes_on, 0, np.minimum.reduceat(starts % height, firsts))
    bottom = np.where(goes_on, height, np.maximum.reduceat(ends % height, firsts) + 1)
    rows = (
        np.stack([starts[firsts] // height, top, ends[lasts] // height + 1, bottom], axis=1)
        .astype(float)
        .tolist()
    )
    boxes = iter([(left, top, right, bottom) for left, top, right, bottom in rows])
    return [next(boxes) if len(one) else None for one in masks]


def encode_flips(masks: Sequence[Flips], size: Size) -> list[bytes]:
    """COCO's compressed run-length code of each, as ``masks.encode_rle`` of the same mask."""
    if not masks or not size[0] * size[1]:
        return [b""] * len(masks)
    begin, end = np.zeros(1, dtype=np.int64), np.full(1, size[0] * size[1])
    steps = np.diff(np.concatenate([part for one in masks for part in (begin, one, end)]))
    bounds = np.cumsum([0, *(len(one) + 1 for one in masks)])
    runs = np.delete(
        steps, bounds[1:-1] + np.arange(len(masks) - 1)
    )  # from the end of each mask to the next one's begin
    code, ends = compress_many(runs, bounds)
    text = code.tobytes()
    return [text[start:stop] for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]

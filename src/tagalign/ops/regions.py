"""Masks of others as one map of ids, and the vote that gives each of them one label.

An id map holds 0 where no region is; ids count from 1. Nothing here knows where the regions came from.

Source: the "map correction" of CorrCLIP, arXiv:2411.10086 (written anew; its code carries no licence).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.labels import Size

COUNTS = 2**22
"""Counts (regions x labels) held at a time: 65,535 ids with 5,000 labels stay within 64 MB."""

FEW = 512
"""Labels up to here are counted as they are; of more, those that occur are numbered anew first."""

NONE = -1
"""Winner of an id that takes no label."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Vote:
    """What became of each id of a map; id 0 and ids that did not vote have the winner ``NONE``.

    Attributes:
        labels: the label map after the vote.
        winners: label of each id.
        shares: of the id's pixels that had that label before, in [0, 1].
        scores: mean over the id's pixels of the score of those that had that label, 0 for the others: how sure and how
            unanimous they were.
        areas: pixels of each id.
    """

    labels: Int[Tensor, "height width"]
    winners: Int[Tensor, " ids"]
    shares: Float[Tensor, " ids"]
    scores: Float[Tensor, " ids"]
    areas: Int[Tensor, " ids"]


@dataclass(frozen=True, kw_only=True)
class VoteRule:
    """Who votes, and for what.

    Attributes:
        lowest_is_none: the lowest id of the map does not vote, as in the release; else 0 does not.
        min_pixels: smaller ids do not vote; see ``usable``.
        max_share: larger ones neither.
        ties_by_score: of equally frequent labels the one with the larger sum of scores, then the lower; else the lower.
        min_share: an id whose winner has a smaller share keeps its labels and has no winner.
        left_out: a label that gets no votes (background); an id with no other one has no winner.
    """

    lowest_is_none: bool = False
    min_pixels: int = 1
    max_share: float = 1.0
    ties_by_score: bool = True
    min_share: float = 0.0
    left_out: int | None = None


def paint(
    mask_of: Callable[[int], Bool[Tensor, "height width"]],
    order: Sequence[int],
    size: Size,
    *,
    numbered_by_order: bool = False,
) -> Int[Tensor, "height width"]:
    """One id map of masks that may overlap; a later mask lies on an earlier one.

    Args:
        mask_of: the mask at a place; called once for each, so that a thousand of them need not be held together.
        order: places in the order of painting; a mask that is left out is not painted.
        size: of the map.
        numbered_by_order: ids count the order of painting (CorrCLIP's release); else id ``i + 1`` is the mask at place i.
    """
    ids = torch.zeros(size, dtype=torch.int64)
    for turn, place in enumerate(order):
        ids[mask_of(place)] = 1 + (turn if numbered_by_order else place)
    return ids


def order_by_area(areas: Sequence[int], *, smaller_on_top: bool) -> list[int]:
    """Order of painting. Of equal masks the first lies on top with ``smaller_on_top``, else the last, as released.

    >>> order_by_area([4, 9, 4], smaller_on_top=True), order_by_area([4, 9, 4], smaller_on_top=False)
    ([1, 2, 0], [0, 2, 1])
    """
    by_area = sorted(range(len(areas)), key=lambda i: areas[i])
    return by_area[::-1] if smaller_on_top else by_area


def usable(
    areas: Int[Tensor, " ids"], num_pixels: int, *, min_pixels: int, max_share: float
) -> Bool[Tensor, " ids"]:
    """Regions that are neither specks nor the whole picture.

    Args:
        areas: in pixels.
        num_pixels: of the picture.
        min_pixels: fewer are a speck; an empty region never counts.
        max_share: a region with a larger share of the picture says nothing about it.
    """
    return (areas >= max(1, min_pixels)) & (areas <= max_share * num_pixels)


def vote(
    labels: Int[Tensor, "height width"],
    ids: Int[Tensor, "height width"],
    *,
    num_ids: int,
    scores: Float[Tensor, "height width"],
    rule: VoteRule = VoteRule(),
) -> Vote:
    """Each voting id takes its most frequent label: ``winner(i) = argmax_l |{p : id(p) = i, label(p) = l}|``.

    Args:
        labels: of every pixel, from 0.
        ids: from 0, below ``num_ids``; pixels of an id that does not vote keep their labels.
        num_ids: the highest possible id and 1.
        scores: of the label of every pixel; decide ties.
        rule: who votes, and for what.

    Reference:
        CorrCLIP's release takes the mode of each id; equal to this without ``ties_by_score``.
    """
    device, pixels = labels.device, labels.cpu().numpy()
    present, local = _compact(pixels)
    # a copy: what follows is in place, because fresh memory costs most here
    keys = ids.cpu().numpy().astype(np.int64)
    keys *= len(present)
    keys += local
    values, mute = scores.cpu().numpy().ravel(), present == rule.left_out
    ranges = _ranges(num_ids, COUNTS // max(1, len(present)))
    blocks = [_tally(keys.ravel(), values, rows, mute, rule.ties_by_score) for rows in ranges]
    best, counts, sums, areas = (
        torch.from_numpy(np.concatenate(parts)) for parts in zip(*blocks, strict=True)
    )
    shares = counts / areas.clamp(min=1)
    wins = usable(areas, pixels.size, min_pixels=rule.min_pixels, max_share=rule.max_share)
    wins &= (counts > 0) & (shares >= rule.min_share)
    wins[: 1 + (int(areas.nonzero()[0]) if rule.lowest_is_none else 0)] = False
    winners = torch.where(wins, torch.from_numpy(present)[best], NONE)
    if len(ranges) == 1:  # all of a pixel's pairs stand in one small table
        own = winners.numpy()[:, None]
        # keys lie within the table; without another mode numpy makes a copy to check that
        made = np.where(own == NONE, present, own).ravel().take(keys, mode="clip")
    else:
        won = winners.numpy().take(ids.cpu().numpy())
        made = np.where(won == NONE, pixels, won)
    return Vote(
        labels=torch.from_numpy(made).to(device),
        winners=winners,
        shares=shares.float(),
        scores=(sums / areas.clamp(min=1)).float(),
        areas=areas,
    )


def _compact(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels that occur, and the map in their places: of 5,000 labels a photo has a few dozen."""
    highest = int(labels.max(initial=0))
    if highest < FEW:
        return np.arange(highest + 1), labels
    occurs = np.bincount(labels.ravel()) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1).take(labels)


def _ranges(count: int, step: int) -> list[range]:
    step = max(1, step)
    return [range(first, min(first + step, count)) for first in range(0, count, step)]


def _tally(
    keys: Int[np.ndarray, " pixels"],
    weights: Float[np.ndarray, " pixels"],
    rows: range,
    mute: Bool[np.ndarray, " labels"],
    ties_by_score: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each id of a range: its best label, that label's pixels and their scores together, and all its pixels.

    Args:
        keys: ``id x labels + label`` of every pixel.
        weights: scores of every pixel, summed in float64.
        rows: the ids.
        mute: labels that get no votes.
        ties_by_score: see ``VoteRule``.
    """
    height, width = len(rows), len(mute)
    if rows.start or int(keys.max(initial=0)) >= rows.stop * width:
        here = (keys >= rows.start * width) & (keys < rows.stop * width)
        keys, weights = keys[here] - rows.start * width, weights[here]
    counts = np.bincount(keys, minlength=height * width).reshape(height, width)
    sums = np.bincount(keys, weights=weights, minlength=height * width).reshape(height, width)
    areas = counts.sum(axis=1)
    counts[:, mute] = 0
    most = counts.max(axis=1, keepdims=True)
    # argmax gives the first of equal ones, which is the lowest label
    best = (np.where(counts == most, sums, -np.inf) if ties_by_score else counts).argmax(axis=1)
    return best, most[:, 0], sums[np.arange(height), best], areas


def boxes_of_ids(ids: Int[np.ndarray, "height width"], num_ids: int) -> Int[np.ndarray, "ids 4"]:
    """XYXY around each id, ends exclusive; left above right where it does not occur.

    From the runs along the rows: a map of regions has a few thousand of them, and 300,000 pixels.
    """
    height, width = ids.shape
    breaks = np.ones((height, width), dtype=bool)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=breaks[:, 1:])
    starts = np.flatnonzero(breaks)
    row, left = np.divmod(starts, width)
    right = left + np.diff(starts, append=ids.size)
    owner = ids.ravel()[starts]
    boxes = np.empty((4, num_ids), dtype=np.int64)
    boxes[:2], boxes[2:] = max(height, width), 0
    for side, (ufunc, ends) in enumerate(
        ((np.minimum, left), (np.minimum, row), (np.maximum, right), (np.maximum, row + 1))
    ):
        ufunc.at(boxes[side], owner, ends)
    return boxes.T

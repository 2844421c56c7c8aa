"""The last step of masks: regions vote, and each region, or each connected part, becomes an instance."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.labels import BACKGROUND
from tagalign.ops.masks import connected_components
from tagalign.ops.regions import NONE, Vote, VoteRule, boxes_of_ids, vote
from tagalign.tasks.regions.options import MIN_AREA, RegionOptions
from tagalign.tasks.regions.value import Regions
from tagalign.types import Instance, Segmentation

FEW_IDS = 2**16
"""Ids of two bytes are counted as they are; others (three bytes of colour) are numbered anew."""


def vote_regions(
    found: Segmentation,
    regions: Regions,
    options: RegionOptions = RegionOptions(),  # noqa: B008  frozen
) -> Segmentation:
    """The label map after the vote of the regions, which are its instances.

    Scores stay as they were: they belong to the label that a pixel had before. A region that background won, that did not
    vote, or that nothing is left of under others is no instance.

    Args:
        found: what a method answered.
        regions: of the same photo; of another size they are resized by nearest neighbour, with a note.
        options: of the vote.
    """
    size = (found.labels.shape[0], found.labels.shape[1])
    switches = options.switches
    regions = regions.resized(size)
    num_ids, ids = _compact(regions.painted(options))
    background = found.names.index(BACKGROUND) if BACKGROUND in found.names else None
    rule = VoteRule(
        lowest_is_none=switches.lowest_is_none,
        # masks were looked at whole, before others lay on them
        min_pixels=switches.min_pixels if regions.ids is not None else 1,
        max_share=switches.max_share,
        ties_by_score=switches.ties_by_score,
        min_share=options.min_share,
        left_out=None if options.background_votes else background,
    )
    result = vote(found.labels, ids, num_ids=num_ids, scores=found.scores, rule=rule)
    return replace(found, labels=result.labels, instances=tuple(_instances(result, ids, found.names)))


def _compact(ids: Int[Tensor, "height width"]) -> tuple[int, Int[Tensor, "height width"]]:
    """How many ids there may be, and the map with ids from 0: none first, the others in rising order."""
    low, high = (int(end) for end in ids.aminmax())
    if high > FEW_IDS:
        values, places = torch.cat([torch.zeros(1, dtype=ids.dtype), ids.flatten()]).unique(
            return_inverse=True
        )
        none = int((values <= 0).sum()) - 1
        return len(values) - none, (places[1:].view_as(ids) - none).clamp(min=0)
    return max(high, 0) + 1, ids.clamp(min=0) if low < 0 else ids


def _instances(result: Vote, ids: Int[Tensor, "height width"], names: tuple[str, ...]) -> Iterator[Instance]:
    numbers = ids.cpu().numpy()
    boxes, scores = boxes_of_ids(numbers, len(result.winners)).tolist(), result.scores.tolist()
    for number, winner in enumerate(result.winners.tolist()):
        if winner != NONE and names[winner] != BACKGROUND:
            box = boxes[number]
            yield _instance(numbers, number, box, label=winner, name=names[winner], score=scores[number])


def _instance(
    numbers: Int[np.ndarray, "height width"],
    number: int,
    box: Sequence[int],
    *,
    label: int,
    name: str,
    score: float,
) -> Instance:
    left, top, right, bottom = box
    return Instance(
        label=label,
        name=name,
        score=score,
        box=(left, top, right, bottom),
        inside=torch.from_numpy(numbers[top:bottom, left:right] == number),
        size=(numbers.shape[0], numbers.shape[1]),
    )


def part_instances(found: Segmentation, *, min_area: int = MIN_AREA) -> Segmentation:
    """The same label map, with its connected parts (8 neighbours) as instances.

    Args:
        found: what a method answered.
        min_area: smaller parts are none, in pixels; the label map keeps them.
    """
    labels, scores = found.labels.cpu(), found.scores.float().cpu()
    made: list[Instance] = []
    for label in labels.unique().tolist():
        if found.names[label] == BACKGROUND:
            continue
        numbers, _ = connected_components((labels == label)[None])
        made += _parts(numbers[0], scores, label, found.names[label], max(1, min_area))
    return replace(found, instances=tuple(made))


def _parts(
    numbers: Int[Tensor, "height width"],
    scores: Float[Tensor, "height width"],
    label: int,
    name: str,
    min_area: int,
) -> Iterator[Instance]:
    areas = torch.bincount(numbers.flatten())
    sums = torch.bincount(numbers.flatten(), weights=scores.double().flatten())
    ids = numbers.numpy()
    boxes = boxes_of_ids(ids, len(areas)).tolist()
    for part in (areas[1:] >= min_area).nonzero()[:, 0].tolist():
        score = float(sums[part + 1] / areas[part + 1])
        yield _instance(ids, part + 1, boxes[part + 1], label=label, name=name, score=score)

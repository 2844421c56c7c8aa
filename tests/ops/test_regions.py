"""Painting and vote against plain loops, and the laws of an id map."""

from collections import Counter

import numpy as np
import pytest
import torch

from tagalign.ops import regions
from tagalign.ops.regions import NONE, VoteRule, boxes_of_ids, order_by_area, paint, usable

SIZE = (14, 17)


def vote(labels, ids, *, num_ids, scores, **rule):
    return regions.vote(labels, ids, num_ids=num_ids, scores=scores, rule=VoteRule(**rule))


def random_case(seed, num_ids=9, num_labels=5):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, num_labels, SIZE, generator=generator)
    ids = torch.randint(0, num_ids, SIZE, generator=generator)
    return labels, ids, torch.rand(SIZE, generator=generator)


def loop_vote(labels, ids, scores, *, ties_by_score=True, left_out=None, min_share=0.0):
    """One id at a time, one pixel at a time."""
    made, winners = labels.clone(), {}
    for number in sorted(set(ids.flatten().tolist()) - {0}):
        places = (ids == number).nonzero().tolist()
        counts = Counter(int(labels[r, c]) for r, c in places)
        sums = Counter()
        for r, c in places:
            sums[int(labels[r, c])] += float(scores[r, c])
        ranked = sorted(
            (label for label in counts if label != left_out),
            key=lambda label: (-counts[label], -sums[label] if ties_by_score else 0, label),
        )
        if not ranked or counts[ranked[0]] / len(places) < min_share:
            continue
        winners[number] = ranked[0], sums[ranked[0]] / len(places)
        for r, c in places:
            made[r, c] = ranked[0]
    return made, winners


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "options",
    [{}, {"ties_by_score": False}, {"left_out": 0}, {"min_share": 0.3}],
    ids=lambda options: "-".join(options) or "plain",
)
def test_vote_is_the_plain_loop(seed, options):
    labels, ids, scores = random_case(seed)
    found = vote(labels, ids, num_ids=9, scores=scores, **options)
    made, winners = loop_vote(labels, ids, scores, **options)
    assert torch.equal(found.labels, made)
    kept = {i: w for i, w in enumerate(found.winners.tolist()) if w != NONE}
    assert kept == {number: winner for number, (winner, _) in winners.items()}
    for number, (_, score) in winners.items():
        # a mean of some 25 float32 numbers, summed in float64 on both sides
        assert float(found.scores[number]) == pytest.approx(score, abs=1e-6)


def test_a_tie_goes_to_the_surer_label_and_then_to_the_lower():
    labels, ids = torch.tensor([[2, 1], [2, 1]]), torch.ones(2, 2, dtype=torch.int64)
    even, sure_of_2 = torch.full((2, 2), 0.5), torch.tensor([[0.6, 0.5], [0.5, 0.5]])
    assert vote(labels, ids, num_ids=2, scores=sure_of_2).winners.tolist() == [NONE, 2]
    assert vote(labels, ids, num_ids=2, scores=even).winners.tolist() == [NONE, 1]
    lower = vote(labels, ids, num_ids=2, scores=sure_of_2, ties_by_score=False)
    assert lower.winners.tolist() == [NONE, 1]


def test_the_lowest_id_of_the_map_does_not_vote_as_released():
    labels, ids, scores = random_case(3)
    covered = ids.clamp(min=2)
    released = vote(labels, covered, num_ids=9, scores=scores, lowest_is_none=True)
    assert torch.equal(released.labels[covered == 2], labels[covered == 2])
    assert released.winners[2] == NONE
    assert vote(labels, covered, num_ids=9, scores=scores).winners[2] != NONE


def test_specks_and_the_whole_picture_do_not_vote():
    labels, _, scores = random_case(4)
    ids = torch.full(SIZE, 1)
    ids[0, :3] = 2
    found = vote(labels, ids, num_ids=3, scores=scores, min_pixels=4, max_share=0.95)
    assert torch.equal(found.labels, labels)
    assert found.winners.tolist() == [NONE] * 3
    assert usable(torch.tensor([0, 3, 4, 95, 96]), 100, min_pixels=4, max_share=0.95).tolist() == [
        False, False, True, True, False,
    ]  # fmt: skip


def test_many_ids_times_many_labels_are_counted_in_blocks(monkeypatch):
    labels, ids, scores = random_case(5, num_ids=60, num_labels=40)
    whole = vote(labels, ids, num_ids=60, scores=scores)
    monkeypatch.setattr("tagalign.ops.regions.COUNTS", 200)
    monkeypatch.setattr("tagalign.ops.regions.FEW", 1)
    blocks = vote(labels, ids, num_ids=60, scores=scores)
    assert torch.equal(whole.labels, blocks.labels)
    assert torch.equal(whole.winners, blocks.winners)
    assert torch.equal(whole.areas, torch.bincount(ids.flatten(), minlength=60))


def test_voting_again_changes_nothing():
    labels, ids, scores = random_case(6)
    once = vote(labels, ids, num_ids=9, scores=scores).labels
    assert torch.equal(vote(once, ids, num_ids=9, scores=scores).labels, once)


def test_a_later_mask_lies_on_an_earlier_one():
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    masks[0, :2], masks[1], masks[2, 0, 0] = True, True, True
    areas = masks.flatten(1).sum(1).tolist()
    small_on_top = paint(masks.__getitem__, order_by_area(areas, smaller_on_top=True), (4, 4))
    assert small_on_top.tolist() == [[3, 1, 1, 1], [1] * 4, [2] * 4, [2] * 4]
    order = order_by_area(areas, smaller_on_top=False)
    assert paint(masks.__getitem__, order, (4, 4), numbered_by_order=True).unique().tolist() == [3]


def test_boxes_are_those_of_the_pixels():
    ids = np.random.default_rng(0).integers(0, 7, SIZE)
    ids[ids == 4] = 0
    boxes = boxes_of_ids(ids, 7)
    for number in set(ids.ravel()):
        rows, cols = np.nonzero(ids == number)
        assert boxes[number].tolist() == [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]
    assert boxes[4, 0] >= boxes[4, 2]

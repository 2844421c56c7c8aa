"""What a training step may know: masks, the trusty target, pseudo labels, and that nothing leaks in ``strict``."""

import pytest
import torch

from tagalign.errors import InputError, UnknownNameError
from tagalign.ops import mask_losses
from tagalign.train.trusty.targets import (
    _check_kind,
    hide_labels,
    mask_labels,
    pseudo_labels,
    trusty_target,
)

SEEN, UNSEEN = (0, 1, 3, 4, 6), (2, 5)
BACKGROUND = 9  # an id that is no class of the split


def labels_of(*values):
    return torch.tensor([[list(values)]])


def test_masks_are_positions_among_the_seen_classes():
    masked = mask_labels(labels_of(0, 3, 6, 2, BACKGROUND, 255), SEEN)
    assert masked.flatten().tolist() == [0, 2, 4, 255, 255, 255]


def test_strict_target_is_everything_that_is_not_seen():
    target = trusty_target(labels_of(0, 2, 5, BACKGROUND, 255), SEEN, UNSEEN, kind="strict")
    assert target.flatten().tolist() == [False, True, True, True, True]


def test_paper_target_is_the_unseen_classes_alone():
    target = trusty_target(labels_of(0, 2, 5, BACKGROUND, 255), SEEN, UNSEEN, kind="paper")
    assert target.flatten().tolist() == [False, True, True, False, False]


def test_hidden_labels():
    labels = labels_of(3, 2, BACKGROUND, 255)
    assert hide_labels(labels, SEEN, UNSEEN, kind="strict").flatten().tolist() == [3, -1, -1, -1]
    # the published label map: {3, 17, 255} -> {3, -1, 255}
    assert hide_labels(labels, SEEN, UNSEEN, kind="paper").flatten().tolist() == [3, -1, 255, 255]
    assert labels.flatten().tolist() == [3, 2, BACKGROUND, 255]


def test_pseudo_labels_take_the_best_unseen_class_and_keep_the_rest():
    logits = torch.zeros(1, 7, 1, 4)
    logits[0, 4] = 9.0  # a seen class is never given
    logits[0, 2, 0, 1], logits[0, 5, 0, 2] = 1.0, 1.0
    hidden = labels_of(3, -1, -1, 255)
    assert pseudo_labels(logits, hidden, UNSEEN).flatten().tolist() == [3, 2, 5, 255]


def test_pseudo_labels_below_the_least_score_are_ignored():
    logits = torch.full((1, 7, 1, 2), -5.0)
    logits[0, 5, 0, 1] = 2.0
    found = pseudo_labels(logits, labels_of(-1, -1), UNSEEN, min_score=0.5)
    assert found.flatten().tolist() == [255, 5]


def test_no_gradient_flows_through_pseudo_labels():
    logits = torch.randn(1, 7, 2, 2, requires_grad=True)
    assert not pseudo_labels(logits, torch.full((1, 2, 2), -1), UNSEEN).requires_grad


@pytest.mark.parametrize("function", [trusty_target, hide_labels])
def test_strict_knows_nothing_about_pixels_that_are_not_seen(function):
    """Any permutation among unseen classes, background and ignore gives the same value; in ``paper`` it does not."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 7, (2, 12, 12), generator=generator)
    others = ~torch.isin(labels, torch.tensor(SEEN))
    differs = False
    for _ in range(20):
        shuffled = labels.clone()
        choice = torch.tensor([2, 5, BACKGROUND, 255])
        shuffled[others] = choice[torch.randint(0, 4, (int(others.sum()),), generator=generator)]
        assert torch.equal(function(shuffled, SEEN, UNSEEN), function(labels, SEEN, UNSEEN))
        assert torch.equal(mask_labels(shuffled, SEEN), mask_labels(labels, SEEN))
        differs |= not torch.equal(
            function(shuffled, SEEN, UNSEEN, kind="paper"), function(labels, SEEN, UNSEEN, kind="paper")
        )
    assert differs


def test_refusals():
    with pytest.raises(UnknownNameError, match="'open'"):
        _check_kind("open")
    with pytest.raises(InputError, match=r"without 255, got \[0, 255\]"):
        mask_labels(labels_of(1), [0, 255])
    with pytest.raises(InputError, match="needs the names of unseen classes"):
        pseudo_labels(torch.zeros(1, 7, 1, 1), labels_of(-1), [])


def test_pseudo_labels_do_not_depend_on_how_many_classes_are_held(monkeypatch):
    logits = (
        torch.randn(2, 9, 3, 4, generator=torch.Generator().manual_seed(0)) * 40
    )  # some sigmoids are 1 alike
    hidden = torch.full((2, 6, 8), -1)
    whole = pseudo_labels(logits, hidden, range(1, 9), min_score=0.5)
    monkeypatch.setattr(mask_losses, "MAP_NUMBERS", 2 * hidden.numel())
    assert torch.equal(pseudo_labels(logits, hidden, range(1, 9), min_score=0.5), whole)

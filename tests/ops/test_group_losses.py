"""OVSegmentor's mask consistency: a plain loop with every permutation, and its laws."""

import math
from itertools import permutations

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops.group_losses import mask_consistency_loss, match_groups

GROUPS, PIXELS = 4, 6


@pytest.fixture
def masks():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, GROUPS, PIXELS, generator=generator, dtype=torch.float64).unbind()


def best_partners(first, second):
    """Of all permutations the one of the least sum of distances between unit vectors."""

    def distance(a, b):
        a, b = ([x / math.hypot(*v) for x in v] for v in (a, b))
        return math.dist(a, b)

    return min(
        permutations(range(GROUPS)),
        key=lambda order: sum(distance(first[i], second[k]) for i, k in enumerate(order)),
    )


def loop_loss(across, own, threshold):
    total = 0.0
    for first, second in zip(across.tolist(), own.tolist(), strict=True):
        overlap = areas = 0.0
        for group, partner in enumerate(best_partners(first, second)):
            sure = [1 / (1 + math.exp(-x)) for x in second[partner]]
            low, high = min(first[group]), max(first[group])
            for pixel in range(PIXELS):
                p = (first[group][pixel] - low) / (high - low)
                t = float(sure[pixel] >= threshold * max(sure))
                overlap, areas = overlap + p * t, areas + p + t
        total += 1 - (2 * overlap + 1) / (areas + 1)
    return total / len(across)


@pytest.mark.parametrize("threshold", [0.3, 0.6, 1.0])
def test_the_loss_is_that_of_a_plain_loop(masks, threshold):
    across, own = masks
    partners = [list(best_partners(a, b)) for a, b in zip(across.tolist(), own.tolist(), strict=True)]
    assert match_groups(across, own).tolist() == partners
    found = mask_consistency_loss(across, own, threshold=threshold)
    assert found.item() == pytest.approx(loop_loss(across, own, threshold), rel=1e-12)


def test_the_order_of_groups_and_pixels_is_only_an_order(masks):
    across, own = masks
    expected = mask_consistency_loss(across, own)
    order, places = torch.randperm(GROUPS), torch.randperm(PIXELS)
    torch.testing.assert_close(mask_consistency_loss(across[:, order], own), expected)
    torch.testing.assert_close(mask_consistency_loss(across[..., places], own[..., places]), expected)


def test_masks_that_agree_cost_nothing():
    own = torch.full((1, 3, PIXELS), -9.0)
    for group in range(3):
        own[0, group, 2 * group : 2 * group + 2] = 9.0
    across = (own > 0).float().flip(1)  # the same regions, in other groups
    assert mask_consistency_loss(across, own).item() == pytest.approx(0.0, abs=1e-6)
    assert mask_consistency_loss(torch.zeros(1, 3, PIXELS), own).isfinite()


def test_only_groups_that_fit_the_entity_learn_and_the_teacher_never(masks):
    across, own = (one.clone().requires_grad_(True) for one in masks)
    relevance = torch.tensor([[0.1, 0.9, 0.2, 0.8]] * 3)
    loss = mask_consistency_loss(across, own, relevance=relevance)
    assert loss.item() == pytest.approx(mask_consistency_loss(across, own).item(), rel=1e-12)
    loss.backward()
    assert own.grad is None
    assert (across.grad.abs().sum(dim=2) > 0).tolist() == [[False, True, False, True]] * 3


def test_shares_out_of_range_are_refused(masks):
    for name in ("threshold", "trained_share"):
        with pytest.raises(InputError, match=f"{name}: expected a share above 0, at most 1, got 0"):
            mask_consistency_loss(*masks, **{name: 0.0})

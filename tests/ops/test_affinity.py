"""Votes, class masks, refinement and spreading against loops, and edges without NaN.

Holds ``ops/attention.py``.
"""

import math

import pytest
import torch

from tagalign.ops import affinity as aff
from tagalign.ops.attention import attention, head_mean_probs

# float64 sums of at most 30 terms
TOL = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def attn():
    torch.manual_seed(0)
    return torch.randn(12, 12, dtype=torch.float64).softmax(dim=1)


@pytest.fixture
def scores():
    torch.manual_seed(1)
    return torch.rand(12, 3, dtype=torch.float64)


def test_a_pair_gets_a_vote_above_the_mean_of_its_layer():
    torch.manual_seed(0)
    maps = torch.rand(5, 4, 4, dtype=torch.float64)
    expected = [
        [sum(float(m[i, j]) > math.fsum(m.flatten().tolist()) / 16 for m in maps) for j in range(4)]
        for i in range(4)
    ]
    assert aff.above_mean(maps).sum(dim=0).tolist() == expected


def test_a_single_patch_is_trusted():
    assert aff.above_mean(torch.ones(1, 1)).all()


def test_refinement_is_a_loop_over_classes_queries_and_keys(attn, scores):
    mask = scores > 0.4
    expected = torch.zeros_like(scores)
    for c in range(3):
        for i in range(12):
            for j in range(12):
                expected[i, c] += attn[i, j] * float(mask[j, c]) * scores[j, c]
    torch.testing.assert_close(aff.refine(attn, scores, mask), expected, **TOL)


def test_box_mask_keeps_boxes_of_what_is_above_the_mean():
    # one class on a 3 x 4 grid: two far cells above the mean, each its own box
    scores = torch.zeros(12, 1)
    scores[0, 0], scores[11, 0] = 1.0, 0.9
    kept = aff.box_class_mask(scores, (3, 4), lose_last=False)[:, 0]
    assert kept.nonzero()[:, 0].tolist() == [0, 11]
    assert aff.box_class_mask(scores, (3, 4), lose_last=True)[:, 0].nonzero()[:, 0].tolist() == [0]


def test_touching_corners_share_one_box():
    scores = torch.zeros(9, 1)
    scores[0, 0], scores[4, 0] = 1.0, 1.0  # diagonal neighbours on a 3 x 3 grid
    kept = aff.box_class_mask(scores, (3, 3), lose_last=False)[:, 0]
    assert kept.nonzero()[:, 0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_constant_map_drops_no_patch(value):
    constant = torch.full((6, 2), value)
    assert aff.box_class_mask(constant, (2, 3), lose_last=False).all()
    assert aff.patch_class_mask(constant).all()
    assert torch.equal(aff.min_max(constant), torch.ones(6, 2))


def test_patch_mask_compares_with_the_mean_of_the_class(scores):
    mask = aff.patch_class_mask(scores)
    for c in range(3):
        mean = math.fsum(scores[:, c].tolist()) / 12
        assert mask[:, c].tolist() == [s > mean for s in scores[:, c].tolist()]


def test_sinkhorn_is_symmetric_and_nearly_doubly_stochastic(attn):
    many = aff.sinkhorn_affinity(attn, iterations=200)
    # before the symmetric mean, 200 rounds converge to machine precision for positive matrices of this size
    torch.testing.assert_close(many.sum(dim=0), torch.ones(12, dtype=torch.float64), **TOL)
    torch.testing.assert_close(many, many.T, **TOL)


def test_sinkhorn_keeps_a_patch_that_nobody_looks_at(attn):
    attn[:, 3] = 0
    assert aff.sinkhorn_affinity(attn).isfinite().all()


def test_two_thin_products_equal_the_square_of_the_affinity(attn, scores):
    box = scores > 0.3
    expected = torch.stack([(attn @ attn * box[:, c]) @ scores[:, c] for c in range(3)], dim=1)
    torch.testing.assert_close(aff.spread(attn, scores, box), expected, **TOL)


def test_scaling_ends_below_one_and_a_constant_becomes_zero():
    maps = torch.tensor([[2.0, 5.0], [4.0, 5.0]])
    scaled = aff.scale_up(maps)
    assert scaled[:, 1].tolist() == [0, 0]
    assert scaled[0, 0] == 0
    assert scaled[1, 0] == pytest.approx(2 / (2 + 1e-7))


@pytest.mark.parametrize("cells", [1, 60, 120, 2**20])  # images and heads apart, heads apart, together
def test_attention_with_its_map_equals_both_parts(cells, monkeypatch):
    monkeypatch.setattr(aff, "CPU_MAP_CELLS", cells)
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 7, 6, dtype=torch.float64)
    mixed, mean_map = aff.attend_and_average(q, k, v)
    torch.testing.assert_close(mixed, attention(q, k, v), **TOL)
    torch.testing.assert_close(mean_map, head_mean_probs(q, k), **TOL)

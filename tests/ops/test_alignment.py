"""Aligned attention against its formula token by token, and the laws of the two factors."""

import math

import pytest
import torch

from tagalign.ops.alignment import aligned_attention, centred, cross_matrix, newton_factor, svd_factor

# float64: what differs is the order of sums
TOL = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture
def heads():
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 9, 5, generator=rng, dtype=torch.float64) for _ in "qkv"]


@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_scores_are_the_formula(heads, prefix):
    q, k, v = heads
    found = aligned_attention(q, k, v, prefix=prefix, factor="svd", key_weight=0.3)
    for b in range(2):
        for h in range(3):
            weights = [0.0 if t < prefix else float(q[b, h, t].norm()) for t in range(9)]
            weights = [w / (sum(weights) + 1e-6) for w in weights]
            mu_q = sum(w * row for w, row in zip(weights, q[b, h], strict=True))
            mu_k = sum(w * row for w, row in zip(weights, k[b, h], strict=True))
            qc, kc = q[b, h] - mu_q, k[b, h] - mu_k
            u, _, vh = torch.linalg.svd(sum(torch.outer(kc[t], qc[t]) for t in range(9)))
            turned = k[b, h] @ (u @ vh)
            for t in range(9):
                scores = [(q[b, h, t] @ turned[j] + 0.3 * (kc[t] @ kc[j])) / math.sqrt(5) for j in range(9)]
                mix = torch.stack(scores).softmax(dim=0) @ v[b, h]
                torch.testing.assert_close(found[b, h, t], mix, **TOL)


def test_the_factor_of_a_turned_cloud_turns_it_back(heads):
    q = heads[0]
    turn = torch.linalg.qr(heads[1][:, :, :5])[0]  # some orthogonal matrix per head
    cross = cross_matrix(q, q @ turn, prefix=1)
    torch.testing.assert_close(svd_factor(cross), turn.transpose(2, 3), **TOL)


def test_many_newton_steps_reach_the_orthogonal_factor_and_five_do_not(heads):
    cross = cross_matrix(heads[0], heads[1], prefix=1)
    exact = svd_factor(cross)
    torch.testing.assert_close(newton_factor(cross, steps=60), exact, rtol=0, atol=2e-2)  # 1e-6 I is added
    assert (newton_factor(cross) - exact).abs().max() > 0.02
    # singular values end between 0 and 1
    assert torch.linalg.svdvals(newton_factor(cross)).max() < 1 + 1e-3


@pytest.mark.parametrize("factor", ["newton", "svd"])
@pytest.mark.parametrize("tokens", [1, 2])
def test_one_patch_and_equal_tokens_give_no_nan(factor, tokens):
    same = torch.ones(1, 2, tokens, 4)
    for prefix in range(tokens):
        found = aligned_attention(same, same, same, prefix=prefix, factor=factor)
        torch.testing.assert_close(found, same)


def test_the_class_row_does_not_count_in_the_means(heads):
    q, k, _ = heads
    moved = q.clone()
    moved[:, :, 0] += 100
    torch.testing.assert_close(centred(q, k, prefix=1)[1], centred(moved, k, prefix=1)[1], **TOL)

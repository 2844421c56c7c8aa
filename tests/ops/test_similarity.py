"""Averages over patches that look alike, against plain loops."""

import math

import torch

from tagalign.ops.similarity import alike_weights, cosines, likeness_attention


def rows():
    return torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.5


def test_weights_are_likeness_above_the_cut_over_their_sum():
    likeness = cosines(rows())
    found = alike_weights(likeness)
    for image, mine in zip(likeness.tolist(), found.tolist(), strict=True):
        for row, got in zip(image, mine, strict=True):
            kept = [v if v >= 0.4 else 0.0 for v in row]
            assert all(
                math.isclose(a, v / (sum(kept) + 1e-6), abs_tol=1e-12) for a, v in zip(got, kept, strict=True)
            )


def test_attention_is_a_softmax_over_what_is_above_the_mean():
    likeness = cosines(rows())
    for image, mine in zip(likeness.tolist(), likeness_attention(likeness).tolist(), strict=True):
        mean = sum(map(sum, image)) / 49
        for row, got in zip(image, mine, strict=True):
            weights = [math.exp(3 * (v - mean)) if v >= mean else 0.0 for v in row]
            assert all(
                math.isclose(a, w / sum(weights), abs_tol=1e-12) for a, w in zip(got, weights, strict=True)
            )


def test_equal_patches_give_no_nan():
    for value in (0.0, 1.0):
        same = torch.full((1, 9, 5), value)
        found = likeness_attention(cosines(same))
        assert found.isfinite().all()
        torch.testing.assert_close(found.sum(dim=-1), torch.ones(1, 9))
        assert alike_weights(cosines(same)).isfinite().all()

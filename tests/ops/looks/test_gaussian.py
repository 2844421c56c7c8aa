"""PIAA's fit against plain numpy, and its laws.

Holds ``ops/looks/second_choice.py``.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tagalign.ops.looks.gaussian import KEPT_LEAST, fit_gaussians, second_choice

LABELS, DIM = 3, 5


@pytest.fixture
def bank():
    generator = torch.Generator().manual_seed(0)
    patches = F.normalize(torch.randn(60, DIM, dtype=torch.float64, generator=generator), dim=1)
    labels = torch.arange(60) % 2  # label 2 has no patch
    weights = torch.rand(60, dtype=torch.float64, generator=generator) + 0.1
    text = F.normalize(torch.randn(LABELS, DIM, dtype=torch.float64, generator=generator), dim=1)
    return patches, labels, weights, text


def numpy_reference(patches, labels, weights, text):
    """The equations of the spec, label by label, with the release's pseudo-inverse."""
    x, y, q = patches.numpy(), labels.numpy(), weights.numpy()
    means = text.numpy().copy()
    for c in range(LABELS):
        if (y == c).any():
            means[c] = (q[y == c, None] * x[y == c]).sum(0) / q[y == c].sum()
    d = np.stack([row - means[c] for row, c in zip(x, y, strict=True)])
    d = d - d.mean(axis=0)
    s = d.T @ d
    precision = DIM * np.linalg.pinv(s + np.trace(s) / (len(x) - 1) * np.eye(DIM))
    bias = [math.log(1 / LABELS) - m @ precision @ m / 2 for m in means]
    return means, precision, (means @ precision).T, bias


def test_fit_is_that_of_the_equations(bank):
    fit = fit_gaussians(*bank)
    # pseudo-inverse against Cholesky in float64, condition about 1e2
    for mine, wanted in zip(
        (fit.means, fit.precision, fit.weights, fit.bias), numpy_reference(*bank), strict=True
    ):
        np.testing.assert_allclose(mine.numpy(), np.asarray(wanted), rtol=1e-9, atol=1e-9)


def test_a_label_without_patches_has_its_text_for_a_mean_and_no_count(bank):
    fit = fit_gaussians(*bank)
    assert torch.equal(fit.means[2], bank[3][2])
    assert fit.counts.tolist() == [30, 30, 0]


def test_order_of_the_patches_does_not_matter(bank):
    order = torch.randperm(60, generator=torch.Generator().manual_seed(3))
    patches, labels, weights, text = bank
    other = fit_gaussians(patches[order], labels[order], weights[order], text)
    torch.testing.assert_close(other.weights, fit_gaussians(*bank).weights)


def test_deviation_loses_a_label_of_one_patch_and_rank_keeps_it():
    logits = torch.tensor([[6.0, 0.0], [3.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    kept, own, _ = second_choice(logits, by="deviation", temperature=0.01)
    assert own.tolist() == [0, 0, 0, 1]
    assert kept.tolist() == [True, False, False, False]
    assert second_choice(logits, by="rank")[0].tolist() == [True] * 4


def test_rank_keeps_the_largest_margins():
    logits = torch.stack([torch.arange(100.0), torch.zeros(100)], dim=1) + torch.tensor([1.0, 0.0])
    kept, _, weights = second_choice(logits, by="rank")
    assert kept.nonzero()[:, 0].tolist() == list(range(84, 100))
    assert (weights == 1).all()
    assert int(second_choice(logits[:8], by="rank")[0].sum()) == KEPT_LEAST


def test_saturated_probabilities_are_kept_whole():
    logits = torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    assert second_choice(logits, by="deviation", temperature=500.0)[0].tolist() == [True] * 3


def test_patches_that_are_all_alike_are_refused():
    same = torch.ones(4, DIM)
    with pytest.raises(ValueError, match="all alike"):
        fit_gaussians(same, torch.zeros(4, dtype=torch.long), torch.ones(4), same[:1])
    with pytest.raises(ValueError, match="at least 2 patches"):
        fit_gaussians(same[:1], torch.zeros(1, dtype=torch.long), torch.ones(1), same[:1])

"""The mean-field CRF against the exact sums over all pairs of pixels, and laws of its lattice.

Holds ``ops/permutohedral.py``.
"""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.ops import permutohedral
from tagalign.ops.permutohedral import build_lattice
from tagalign.ops.refine import crf
from tagalign.ops.refine.crf import crf_on_photo, mean_field


def two_halves(height=12, width=16):
    """Left half dark, right half bright; scores that are right but for noise."""
    torch.manual_seed(0)
    image = torch.full((1, 3, height, width), 40.0)
    image[:, :, :, width // 2 :] = 200.0
    truth = torch.zeros(1, 2, height, width)
    truth[:, 0, :, : width // 2] = 1
    truth[:, 1, :, width // 2 :] = 1
    return image, (0.3 * truth + torch.rand(1, 2, height, width)), truth.argmax(dim=1)


def exact_mean_field(image, scores, iterations):
    """All pairs, float64, in the order of the docstring's formula."""
    _, labels, height, width = scores.shape
    rows, cols = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([rows, cols], dim=2).reshape(-1, 2).double()
    colour = image[0].reshape(3, -1).T.double()
    near = torch.exp(-(torch.cdist(place, place) ** 2) / 2)
    alike = torch.exp(
        -(torch.cdist(place, place) ** 2) / (2 * 67**2) - torch.cdist(colour, colour) ** 2 / (2 * 3**2)
    )
    logits = scores[0].reshape(labels, -1).T.double().clamp_min(1e-5).log()
    probs = logits.softmax(dim=1)
    for _ in range(iterations):
        message = torch.zeros_like(probs)
        for weight, kernel in ((3.0, near), (4.0, alike)):
            root = kernel.sum(dim=1, keepdim=True).rsqrt()
            message += weight * root * (kernel @ (root * probs))
        probs = (logits + message).softmax(dim=1)
    return probs.T.reshape(labels, height, width)


def test_agrees_with_the_sums_over_all_pairs():
    image, scores, _ = two_halves()
    exact = exact_mean_field(image, scores, 5)
    mine = mean_field(image, scores, num_iterations=5)[0].double()
    # colours of two values only: the lattice interpolates in place alone, over a fifth of a standard deviation
    assert (mine - exact).abs().max() < 0.02
    assert torch.equal(mine.argmax(dim=0), exact.argmax(dim=0))


def test_few_maps_at_a_time_change_nothing(monkeypatch):
    image, _, _ = two_halves()
    scores = torch.rand(1, 7, 12, 16, generator=torch.Generator().manual_seed(0))
    whole = mean_field(image, scores)
    for maps in (1, 3):
        monkeypatch.setattr(crf, "FILTER_BUDGET", maps * 12 * 16)
        # each map is filtered by itself: at most the order of a sum changes, float32
        torch.testing.assert_close(mean_field(image, scores), whole, atol=1e-6, rtol=0)


def test_noise_is_removed_along_the_edge():
    image, scores, truth = two_halves()
    assert (scores.argmax(dim=1) != truth).float().mean() > 0.1
    assert torch.equal(mean_field(image, scores).argmax(dim=1), truth)


def test_batch_equals_one_by_one():
    image, scores, _ = two_halves()
    other, other_scores = image.flip(3), torch.rand_like(scores)
    both = mean_field(torch.cat([image, other]), torch.cat([scores, other_scores]), num_iterations=3)
    for row, (i, s) in enumerate([(image, scores), (other, other_scores)]):
        # same sums in float32, in another order
        torch.testing.assert_close(both[row], mean_field(i, s, num_iterations=3)[0], rtol=1e-4, atol=1e-5)


def test_no_iteration_normalises_and_zero_scores_stay_finite():
    image, scores, _ = two_halves()
    probs = mean_field(image, scores, num_iterations=0)
    torch.testing.assert_close(probs, scores / scores.sum(dim=1, keepdim=True))
    assert mean_field(image, torch.zeros_like(scores)).isfinite().all()
    assert mean_field(image[:, :, :1, :1], scores[:, :, :1, :1]).shape == (1, 2, 1, 1)


def test_large_photos_are_refined_smaller():
    image, scores, truth = two_halves(48, 64)
    photo = Image.fromarray(image[0].permute(1, 2, 0).numpy().astype(np.uint8))
    refined = crf_on_photo(photo, scores[0], max_pixels=500)
    assert refined.shape == scores[0].shape
    assert (refined.argmax(dim=0) == truth[0]).float().mean() > 0.95


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_barycentric_weights_rebuild_the_point(dims):
    torch.manual_seed(0)
    elevated = permutohedral._elevate(torch.randn(50, dims, dtype=torch.float64) * 3)
    corner, rank = permutohedral._enclosing_simplex(elevated)
    weights = permutohedral._barycentric(elevated, corner, rank)
    assert (weights >= -1e-12).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(50, dtype=torch.float64))
    assert (elevated.sum(dim=1).abs() < 1e-9).all()
    assert (corner.sum(dim=1) == 0).all()
    assert (rank.sort(dim=1).values == torch.arange(dims + 1)).all()
    rebuilt = torch.zeros_like(elevated)
    for r in range(dims + 1):
        vertex = corner + r - (dims + 1) * (rank > dims - r).long()
        rebuilt += weights[:, r, None] * vertex
    torch.testing.assert_close(rebuilt, elevated)


def test_lattice_filter_is_close_to_the_gaussian_in_one_dimension():
    points = torch.linspace(0, 10, 200)[:, None]
    values = torch.sin(points * 2)
    lattice = build_lattice(points)
    mine = lattice.filter(values) / lattice.filter(torch.ones_like(values))
    kernel = [[math.exp(-0.5 * float(a - b) ** 2) for b in points] for a in points]
    kernel = torch.tensor(kernel)
    exact = (kernel @ values) / kernel.sum(dim=1, keepdim=True)
    # linear interpolation on cells of one standard deviation: a few per cent of the signal's swing of 2
    assert (mine - exact).abs().max() < 0.06

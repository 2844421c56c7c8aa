"""Outlier scores against scikit-learn and plain loops; the repair against a loop over cells."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import LocalOutlierFactor

from tagalign.ops.outliers import (
    above_quantile,
    collapsed_outlier_factor,
    largest_norms,
    local_outlier_factor,
    repair,
    squared_distances,
)

# float64 inside: what differs is the order of sums
TOL = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture
def points():
    made = torch.randn(2, 60, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made[0, 5] += 6
    return made


def test_distances_are_those_of_all_pairs(points):
    loop = (points[:, :, None] - points[:, None]).square().sum(dim=-1)
    torch.testing.assert_close(squared_distances(points), loop, **TOL)


def test_local_outlier_factor_is_scikit_learns(points):
    for image, found in zip(points, local_outlier_factor(points, neighbours=12), strict=True):
        theirs = LocalOutlierFactor(n_neighbors=12).fit(image.numpy()).negative_outlier_factor_
        # scikit-learn adds 1e-10 to the mean reachability
        np.testing.assert_allclose(found.numpy(), -theirs, rtol=1e-8)


def test_collapsed_factor_is_its_formula(points):
    for image, found in zip(points, collapsed_outlier_factor(points, neighbours=7), strict=True):
        reach, near = [], []
        for i, p in enumerate(image):
            others = sorted((float((p - q).square().sum()), j) for j, q in enumerate(image) if j != i)[:7]
            reach.append(others[-1][0])
            near.append([j for _, j in others])
        loop = [r * sum(1 / reach[j] for j in js) / 7 for r, js in zip(reach, near, strict=True)]
        torch.testing.assert_close(found, torch.tensor(loop, dtype=torch.float64), **TOL)


@pytest.mark.parametrize("score", [collapsed_outlier_factor, local_outlier_factor])
def test_equal_points_have_no_outlier_and_no_nan(score):
    same = torch.ones(1, 40, 5)
    found = score(same)
    assert found.isfinite().all()
    assert not above_quantile(found).any()


@pytest.mark.parametrize("score", [collapsed_outlier_factor, local_outlier_factor])
@pytest.mark.parametrize("count", [1, 2, 12])
def test_fewer_points_than_neighbours_use_all_others(score, count):
    found = score(torch.randn(1, count, 5, generator=torch.Generator().manual_seed(1)))
    assert found.shape == (1, count)
    assert found.isfinite().all()


def test_quantile_is_strict_and_interpolated():
    scores = torch.arange(196, dtype=torch.float64)[None]
    assert above_quantile(scores).sum() == 10  # 0.95 x 195 = 185.25: the scores 186 to 195
    assert above_quantile(scores[:, :36]).sum() == 2


def test_largest_norms_of_a_small_cloud_are_all():
    points = torch.tensor([[[3.0, 0], [0, 1], [2, 2]]])
    assert largest_norms(points, 2).tolist() == [[True, False, True]]
    assert largest_norms(points, 1).tolist() == [[True, False, False]]
    assert largest_norms(points, 10).all()


def test_repair_is_the_mean_of_sound_neighbours():
    rng = torch.Generator().manual_seed(2)
    features = torch.randn(2, 3, 4, 6, generator=rng)
    outliers = torch.zeros(2, 4, 6, dtype=torch.bool)
    outliers[0, :2, :2] = True  # its corner has no sound neighbour
    outliers[1, 2, 3] = True
    found = repair(features, outliers)
    for b in range(2):
        for r in range(4):
            for c in range(6):
                wanted = features[b, :, r, c]
                if outliers[b, r, c]:
                    around = [
                        features[b, :, y, x]
                        for y in range(max(r - 1, 0), min(r + 2, 4))
                        for x in range(max(c - 1, 0), min(c + 2, 6))
                        if not outliers[b, y, x]
                    ]
                    wanted = torch.stack(around).mean(dim=0) if around else wanted
                torch.testing.assert_close(found[b, :, r, c], wanted)
    assert torch.equal(found[0, :, 0, 0], features[0, :, 0, 0])

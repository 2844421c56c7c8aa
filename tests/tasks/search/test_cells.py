"""Cells that are learned and chosen in two steps, against one k-means and all comparisons."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tagalign.tasks.search.cells import NEAR_GROUPS, count_cells, learn_cells

faiss = pytest.importorskip("faiss", reason="the search extra is not installed")


def clustered(count, seed=0, dim=24):
    g = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(40, dim, generator=torch.Generator().manual_seed(7)), dim=-1)
    noise = 0.15 * torch.randn(count, dim, generator=g)
    return F.normalize(centres[torch.randint(40, (count,), generator=g)] + noise, dim=-1)


def test_the_cells_fit_nearly_as_well_as_those_of_one_k_means():
    rows = clustered(4000)
    cells = learn_cells(faiss, rows.numpy(), 100)
    one = faiss.Kmeans(24, len(cells.centres), niter=10, spherical=True, min_points_per_centroid=1)
    one.train(rows.numpy())
    best = (rows @ torch.from_numpy(np.asarray(one.centroids)).T).amax(dim=1).mean()
    # groups bind cells to themselves, which costs a little of the fit
    assert (rows @ cells.centres.T).amax(dim=1).mean() > best - 0.02
    assert len(cells.centres) == pytest.approx(100, abs=10)
    assert cells.starts[0] == 0
    assert cells.starts[-1] == len(cells.centres)


def test_nearly_all_embeddings_find_the_nearest_cell_of_all():
    cells, rows = learn_cells(faiss, clustered(4000).numpy(), 100), clustered(500, seed=3)
    found, wanted = cells.nearest(rows), (rows @ cells.centres.T).argmax(dim=1)
    assert (found == wanted).float().mean() > 0.95
    for row, cell in zip(rows[:50], found[:50].tolist(), strict=True):
        near = sorted(range(len(cells.groups)), key=lambda g: -float(row @ cells.groups[g]))[:NEAR_GROUPS]
        among = [c for g in near for c in range(cells.starts[g], cells.starts[g + 1])]
        assert cell == max(among, key=lambda c: float(row @ cells.centres[c]))


@pytest.mark.parametrize(("total", "cells"), [(1, 1), (38, 1), (78, 2), (10_000, 256), (1_000_000, 4000)])
def test_as_many_cells_as_can_be_learned(total, cells):
    assert count_cells(total) == cells
    assert cells == 1 or cells <= 4 * math.sqrt(total) + 1


def test_embeddings_that_are_all_alike_have_cells_too():
    rows = torch.ones(200, 8) / math.sqrt(8)
    cells = learn_cells(faiss, rows.numpy(), 5)
    assert (rows @ cells.centres.T).amax(dim=1).min() == pytest.approx(1, abs=1e-6)
    assert len(cells.nearest(rows)) == 200

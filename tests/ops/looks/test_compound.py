"""SPARC's fusion against numpy's singular vectors."""

import numpy as np
import pytest
import torch

from tagalign.ops.looks.compound import (
    fuse_compounds,
    fusion_direction,
    principal_direction,
    ranked_columns,
)


@pytest.fixture
def table():
    common = torch.randn(40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return common + 0.3 * torch.randn(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_direction_is_the_first_right_singular_vector(table):
    centred = table.numpy() - table.numpy().mean(axis=0)
    first = np.linalg.svd(centred)[2][0]
    first = first * np.sign(first.mean()) / np.abs(first).sum()
    # eigenvector of a 4 x 4 matrix with a large gap, float64
    np.testing.assert_allclose(fusion_direction(table).numpy(), first, rtol=1e-10)


def test_prompts_are_ranked_per_photo_and_the_label_comes_last():
    found = ranked_columns(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0.0]))
    assert found.tolist() == [[1.0, 2.0, 3.0, 0.0]]


def test_a_label_without_prompts_keeps_its_score(table):
    direction = torch.tensor([0.5, 0.5], dtype=torch.float64)
    fused = fuse_compounds(table[:, :1], table[:, 1:3], [(0,), ()], [direction, direction])
    torch.testing.assert_close(fused[:, 0], (table[:, 0] + table[:, 1]) / 2)
    assert torch.equal(fused[:, 1], table[:, 2])


def test_columns_without_variance_weigh_the_same():
    assert principal_direction(torch.zeros(4, 4)).tolist() == [0.25] * 4


def test_too_few_photos_are_refused(table):
    with pytest.raises(ValueError, match="more photos than columns, got 4 and 4"):
        fusion_direction(table[:4])

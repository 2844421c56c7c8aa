"""What is done with flips gives what the pixels of the same masks give."""

import numpy as np
import pytest
import torch

from tagalign.errors import DataError
from tagalign.ops.flips import boxes_of_flips, encode_flips, flips_of_runs, joined, runs_of_flips
from tagalign.ops.masks import encode_rle, run_lengths


def masks(count, size, seed=0):
    """Empty, full, sparse, dense, and with runs that go from column to column."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        mask = rng.random(size) < [0.05, 0.5, 0.9][k % 3]
        if k % 5 == 0:
            mask[:, :] = k % 2
        if k % 7 == 0:
            mask[:, 1:3] = True
        yield mask


def flips_of(mask):
    return flips_of_runs(run_lengths(torch.from_numpy(mask)), mask.shape)


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (9, 4), (1, 12)])
def test_codes_boxes_and_runs_are_those_of_the_pixels(size):
    drawn = list(masks(40, size))
    flips = [flips_of(mask) for mask in drawn]
    assert encode_flips(flips, size) == [encode_rle(torch.from_numpy(mask)) for mask in drawn]
    for mask, one, box in zip(drawn, flips, boxes_of_flips(flips, size), strict=True):
        assert runs_of_flips(one, size).tolist() == run_lengths(torch.from_numpy(mask))
        rows, cols = np.nonzero(mask)
        expected = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) if len(rows) else None
        assert box == expected


def test_joined_masks_are_the_pixels_of_any():
    for k in range(30):
        drawn = list(masks(k % 5 + 1, (6, 5), seed=k))
        np.testing.assert_array_equal(
            joined([flips_of(one) for one in drawn]), flips_of(np.any(drawn, axis=0))
        )
    assert not len(joined([]))


def test_runs_of_no_cell_join_their_neighbours():
    np.testing.assert_array_equal(
        flips_of_runs([0, 2, 0, 1, 3, 0, 0, 2], (2, 4)), flips_of_runs([0, 3, 3, 2], (2, 4))
    )


@pytest.mark.parametrize("runs", [[1, 2], [-1, 5], [10**30, -(10**30) + 4], [5]])
def test_runs_that_do_not_fill_the_image_are_refused(runs):
    with pytest.raises(DataError, match="that fill 2 x 2 = 4 cells"):
        flips_of_runs(runs, (2, 2))

"""Crops of the second look: boxes by a plain loop, enlarged or at the image's own scale.

Holds ``methods/tagclip/crops.py``.
"""

import numpy as np
import pytest
import torch

from tagalign.methods.tagclip.crops import cut_crop, find_regions


def grown_by_hand(low, high, native, size):
    """One axis: the shortest range of at least ``native`` cells around [low, high) that stays inside of ``size`` cells."""
    best = None
    for start in range(size):
        for end in range(start + 1, size + 1):
            if start <= low and high <= end and end - start >= min(native, size):
                # short first, then centred, then early
                rank = (end - start, abs((start + end) - (low + high)), start)
                best = min(best or (rank, start, end), (rank, start, end))
    return best[1:]


@pytest.mark.parametrize("seed", range(30))
def test_a_window_of_the_native_size_holds_the_box_and_stays_inside(seed):
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(1, 9, 2)
    native = tuple(int(n) for n in rng.integers(1, 7, 2))
    left, top = int(rng.integers(cols)), int(rng.integers(rows))
    right, bottom = int(rng.integers(left, cols)) + 1, int(rng.integers(top, rows)) + 1
    kept = torch.zeros(rows, cols)
    kept[top:bottom, left:right] = 1.0
    scores = torch.stack([kept.flatten(), torch.rand(rows * cols)], dim=1)
    found = find_regions(
        scores, (int(rows), int(cols)), share=0.5, native_grid=native, lose_last=False, enlarge=False
    )
    x = grown_by_hand(left, right, native[1], int(cols))
    y = grown_by_hand(top, bottom, native[0], int(rows))
    if not kept.all():  # a constant map has no region of its own
        assert found.boxes[0].tolist() == [x[0], y[0], x[1], y[1]]


def test_at_its_own_scale_a_crop_shows_the_pixels_of_the_image():
    """An image of 6 x 6 patches of 4 pixels, a model of 3 x 3: nothing is interpolated, the mask keeps its size."""
    pixels = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(0))
    scores = torch.zeros(6, 6)
    scores[4, 5] = 1.0  # one patch at the right border
    options = {"share": 0.5, "native_grid": (3, 3), "lose_last": False}
    small = find_regions(scores.flatten()[:, None], (6, 6), **options, enlarge=False)
    assert small.boxes.tolist() == [[3, 3, 6, 6]]
    assert small.masks[0].nonzero().tolist() == [[1, 2]]
    assert torch.equal(cut_crop(pixels, small.boxes[0], patch_size=4, side=12), pixels[:, 12:, 12:])
    large = find_regions(scores.flatten()[:, None], (6, 6), **options)
    assert large.boxes.tolist() == [[5, 4, 6, 5]]
    assert large.masks.all()


def test_a_box_that_the_border_took_stays_empty():
    scores = torch.zeros(12, 1)
    scores[11] = 1.0  # the last patch of 3 x 4, which the release loses
    found = find_regions(scores, (3, 4), share=0.5, native_grid=(2, 2), lose_last=True, enlarge=False)
    assert not found.filled().any()

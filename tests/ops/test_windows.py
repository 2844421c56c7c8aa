"""Windows against a plain loop over pixels."""

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops.windows import average_windows, upsample, window_boxes


@pytest.mark.parametrize("size", [(4, 4), (5, 9), (3, 11), (16, 7)])
def test_every_pixel_is_covered_and_no_window_leaves_the_image(size):
    boxes = window_boxes(size, crop=4, stride=2)
    covered = torch.zeros(size)
    for left, top, right, bottom in boxes:
        assert 0 <= top < bottom <= size[0]
        assert 0 <= left < right <= size[1]
        assert (bottom - top, right - left) == (min(4, size[0]), min(4, size[1]))
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 1


@pytest.mark.parametrize("stride", [0, 5])
def test_a_stride_that_leaves_gaps_is_refused(stride):
    with pytest.raises(InputError, match=f"between 1 and the crop of 4 pixels, got {stride}"):
        window_boxes((9, 9), crop=4, stride=stride)


def test_average_equals_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(0)
    size, boxes = (6, 7), window_boxes((6, 7), crop=4, stride=3)
    windows = [(torch.randn(2, b - t, r - x, generator=generator), (x, t, r, b)) for x, t, r, b in boxes]
    merged = average_windows(windows, size)
    for row in range(6):
        for col in range(7):
            here = [s[:, row - t, col - x] for s, (x, t, r, b) in windows if t <= row < b and x <= col < r]
            torch.testing.assert_close(merged[:, row, col], torch.stack(here).mean(dim=0))


def test_uncovered_pixels_are_refused():
    with pytest.raises(InputError, match="do not cover"):
        average_windows([(torch.zeros(1, 2, 2), (0, 0, 2, 2))], (2, 3))


def test_upsampling_keeps_a_constant_and_its_own_size():
    maps = torch.full((3, 2, 5), 0.7)
    assert upsample(maps, (2, 5)) is maps
    torch.testing.assert_close(upsample(maps, (13, 4)), torch.full((3, 13, 4), 0.7))

"""Windows of the paper for published sizes, whole patches for the others."""

import copy
import dataclasses

import pytest

from tagalign.methods.trusty.canvas import default_crop, default_stride, whole_patches


@pytest.mark.parametrize(("native", "crop"), [(224, 512), (336, 512), (223, 223), (32, 32)])
def test_windows(backbone, native, crop):
    other = copy.copy(backbone)
    other.preprocessing = dataclasses.replace(backbone.preprocessing, image_size=native)
    assert default_crop(other) == crop


def test_steps_are_the_papers_or_the_same_share_in_whole_patches():
    assert default_stride(512, 16) == 426
    for window, patch in ((224, 16), (336, 14), (32, 8), (64, 4)):
        stride = default_stride(window, patch)
        assert stride % patch == 0
        assert abs(stride - window * 426 / 512) <= patch / 2
    assert default_stride(8, 16) == 16  # never no step at all


@pytest.mark.parametrize(
    ("length", "side"), [(512, 512), (700, 700), (511, 512), (250, 256), (247, 240), (3, 16), (24, 32)]
)
def test_sides_below_a_window_are_whole_patches(length, side):
    assert whole_patches(length, 16, 512) == side

"""Turned annotations fall where Pillow turns the pixels, for all eight EXIF marks."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from tagalign.data.annotations.records import region_of
from tagalign.data.annotations.turning import stored, upright, upright_regions


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_and_boxes_turn_as_pillow_turns_photos(orientation):
    mask = np.random.default_rng(orientation).random((5, 8)) > 0.8
    image = Image.fromarray((mask * 255).astype(np.uint8))
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image)) > 0
    np.testing.assert_array_equal(upright(mask, orientation), expected)
    np.testing.assert_array_equal(stored(expected, orientation), mask)
    (region,) = upright_regions([region_of(mask, "cat")], (5, 8), orientation)
    np.testing.assert_array_equal(region.mask(expected.shape), expected)
    assert region.box == region_of(expected, "cat").box

"""Crops against Pillow's own, one generator as the only source of chance, and images that cannot be decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from tagalign.data.augment import AUGMENTATIONS, center_crop, decode, load_crop, random_crop
from tagalign.errors import ImageError


def photo(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image, kind="PNG", **more):
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("size", [(64, 40), (40, 64), (24, 24), (8, 200)])
def test_crops_are_squares_of_bytes_and_equal_for_equal_generators(name, size):
    data = encoded(photo(*size))
    found = [
        load_crop(data, 24, augmentation=name, generator=np.random.default_rng(seed)) for seed in (0, 0, 1)
    ]
    assert found[0].shape == (3, 24, 24)
    assert found[0].dtype == np.uint8
    assert found[0].flags.c_contiguous
    np.testing.assert_array_equal(found[0], found[1])


def test_the_middle_is_the_middle():
    image = photo(90, 30)
    found = center_crop(image, 30, np.random.default_rng(0))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(image.crop((30, 0, 60, 30))))
    tall = photo(30, 90)
    found = center_crop(tall, 30, np.random.default_rng(0))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(tall.crop((0, 30, 30, 60))))


def test_random_squares_reach_both_ends_and_stay_inside():
    """A ramp from left to right says where a crop was taken."""
    ramp = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (20, 1))).convert("RGB")
    draw = np.random.default_rng(0)
    starts = [int(np.asarray(random_crop(ramp, 20, draw))[10, 0, 0]) for _ in range(200)]
    assert min(starts) < 12
    assert max(starts) > 168
    assert max(starts) <= 181


def test_a_large_jpeg_is_decoded_smaller_and_still_twice_as_large_as_needed():
    small = decode(encoded(photo(1600, 800), "JPEG"), at_least=100)
    assert min(small.size) >= 200
    assert max(small.size) < 1600
    assert decode(encoded(photo(160, 80), "JPEG"), at_least=100).size == (160, 80)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an image"),
        (b"text", "not an image"),
        (encoded(photo(60, 60))[:300], "the image is damaged"),
    ],
)
def test_what_is_no_image_is_said(data, said):
    with pytest.raises(ImageError, match=said):
        decode(data, at_least=8)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        decode(tmp_path / "none.png", at_least=8)

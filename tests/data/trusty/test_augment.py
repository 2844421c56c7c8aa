"""Crops of images with label maps: pixels and labels stay together, padding is known, one seed gives one crop."""

import colorsys

import numpy as np
import pytest
from PIL import Image

from tagalign.data.trusty.augment import Augmentation, _saturation_and_hue, distort_colors, is_varied
from tagalign.errors import DataError, InputError

STILL = dict(scale=(1.0, 1.0), max_share=1.0, flip=0.0, colors=0.0)


def scene(height, width, seed=0):
    """Each label has one colour, so that pixels can be compared with labels after any move."""
    labels = np.random.default_rng(seed).integers(0, 4, (height // 4 + 1, width // 4 + 1))
    labels = labels.repeat(4, 0).repeat(4, 1)[:height, :width]
    colors = np.array([[0, 0, 0], [250, 0, 0], [0, 250, 0], [0, 0, 250]], dtype=np.uint8)
    return colors[labels], labels, colors


def test_the_same_generator_gives_the_same_crop():
    pixels, labels, _ = scene(40, 60)
    augment = Augmentation(crop=24)
    first, second = (augment(pixels, labels, np.random.default_rng([1, 2])) for _ in range(2))
    other = augment(pixels, labels, np.random.default_rng([1, 3]))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (24, 24), (9, 31), (1, 1)])
def test_crops_have_one_size_and_pixels_stay_on_their_labels(size):
    pixels, labels, colors = scene(*size)
    augment = Augmentation(crop=24, scale=(1.0, 2.0), colors=0.0)
    for seed in range(5):
        sample = augment(pixels, labels, np.random.default_rng(seed))
        assert sample.pixels.shape == (24, 24, 3)
        assert sample.pixels.dtype == np.uint8
        inside = ~sample.is_padding
        exact = np.abs(sample.pixels[inside].astype(int) - colors[sample.labels[inside]]).max(axis=-1) < 128
        # bilinear pixels between two labels may lie nearer to the other one
        assert exact.mean() > 0.7


def test_small_images_are_padded_at_the_bottom_and_right():
    pixels, labels, _ = scene(8, 16)
    sample = Augmentation(crop=16, scale=(0.5, 0.5), max_share=1.0, flip=0.0, colors=0.0)(
        pixels, labels, np.random.default_rng(0)
    )
    expected = np.ones((16, 16), dtype=bool)
    expected[:8] = False
    assert np.array_equal(sample.is_padding, expected)
    assert (sample.labels[sample.is_padding] == 255).all()
    assert (sample.labels[~sample.is_padding] != 255).all()


def test_without_changes_the_image_comes_back():
    pixels, labels, _ = scene(24, 24)
    sample = Augmentation(crop=24, **STILL)(pixels, labels, np.random.default_rng(0))
    assert np.array_equal(sample.pixels, pixels)
    assert np.array_equal(sample.labels, labels)


def test_a_flip_mirrors_both():
    pixels, labels, _ = scene(24, 24)
    sample = Augmentation(crop=24, **(STILL | {"flip": 1.0}))(pixels, labels, np.random.default_rng(0))
    assert np.array_equal(sample.pixels, pixels[:, ::-1])
    assert np.array_equal(sample.labels, labels[:, ::-1])


def test_the_long_side_of_a_strip_is_at_most_four_times_the_crop():
    pixels, labels, _ = scene(10, 100)
    sample = Augmentation(crop=20, **STILL)(pixels, labels, np.random.default_rng(0))
    # 100 -> 80 and 10 -> 8: the rest of the 20 rows is padding
    assert (~sample.is_padding).sum() == 8 * 20


def test_crops_of_one_class_are_drawn_again():
    labels = np.zeros((40, 40), dtype=np.int64)
    labels[:, 30:] = 1
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    settings = dict(scale=(2.5, 2.5), flip=0.0, colors=0.0)
    shares = {}
    for limit in (0.75, 1.0):
        augment = Augmentation(crop=16, max_share=limit, **settings)
        crops = [augment(pixels, labels, np.random.default_rng(seed)) for seed in range(60)]
        shares[limit] = np.mean([is_varied(crop.labels, 0.75) for crop in crops])
    assert shares[0.75] > 0.85 > shares[1.0]


def test_variety_counts_neither_ignored_pixels_nor_one_class():
    assert not is_varied(np.full((2, 2), 3), 0.75)
    assert not is_varied(np.array([[1, 255], [255, 1]]), 0.75)
    assert is_varied(np.array([[1, 2], [255, 255]]), 0.75)
    assert not is_varied(np.array([[1, 1, 1, 2]]), 0.75)
    assert not is_varied(np.full((2, 2), 255), 0.75)


def test_label_ids_above_a_byte_survive_the_resize():
    labels = np.array([[300, 70000], [-1, 255]])
    sample = Augmentation(crop=8, **STILL)(np.zeros((2, 2, 3), np.uint8), labels, np.random.default_rng(0))
    assert set(np.unique(sample.labels)) == {300, 70000, -1, 255}


def test_colours_change_and_stay_in_range():
    pixels, _, _ = scene(24, 24)
    changed = [distort_colors(pixels, np.random.default_rng(seed)) for seed in range(8)]
    assert all(c.dtype == np.uint8 and c.shape == pixels.shape for c in changed)
    assert sum(not np.array_equal(c, pixels) for c in changed) >= 6
    assert np.array_equal(distort_colors(pixels, np.random.default_rng(0), share=0.0), pixels)


def test_hue_turns_as_colorsys_does():
    pixels = np.array([[[200, 60, 60], [60, 200, 60]]], dtype=np.uint8)
    rng = np.random.default_rng(3)
    twin = np.random.default_rng(3)
    found = _saturation_and_hue(pixels, rng, 1.0)
    twin.random()
    factor = twin.uniform(0.5, 1.5)
    twin.random()
    turn = twin.uniform(-36, 36) / 360
    for before, after in zip(pixels[0], found[0], strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(before / 255))
        expected = np.array(colorsys.hsv_to_rgb((h + turn) % 1, min(s * factor, 1), v)) * 255
        # hue and saturation have 256 steps each
        assert np.abs(after - expected).max() < 6


def test_a_grey_image_has_no_hue_to_turn():
    grey = np.full((4, 4, 3), 90, dtype=np.uint8)
    assert np.array_equal(_saturation_and_hue(grey, np.random.default_rng(0), 1.0), grey)


def test_refusals():
    augment = Augmentation(crop=8)
    with pytest.raises(DataError, match=r"size \(4, 5\), got \(5, 4\)"):
        augment(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.int64), np.random.default_rng(0))
    with pytest.raises(InputError, match="crop of at least 1"):
        Augmentation(crop=0)
    with pytest.raises(InputError, match="flip must lie"):
        Augmentation(flip=1.5)


def test_reads_a_flipped_view_of_a_photo():
    image = np.asarray(Image.new("RGB", (12, 9), (10, 20, 30)))[:, ::-1]
    sample = Augmentation(crop=8)(image, np.zeros((9, 12), np.int64), np.random.default_rng(0))
    assert sample.pixels.shape == (8, 8, 3)

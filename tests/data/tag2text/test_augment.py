"""RandAugment of the release: which operations, how often, how strong, against loops over pixels."""

from random import Random

import numpy as np
import pytest
from PIL import Image

from tagalign.data.tag2text import augment
from tagalign.data.tag2text.augment import ALL, GREY, rand_augment

STRENGTH = 0.5


@pytest.fixture
def image():
    pixels = np.random.default_rng(0).integers(40, 200, (24, 30, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def bilinear(pixels, x, y):
    """The colour at a place between pixels; None outside of the image."""
    height, width = pixels.shape[:2]
    left, top = int(np.floor(x)), int(np.floor(y))
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        return None
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = x - left, y - top
    upper = (1 - a) * pixels[top, left] + a * pixels[top, right]
    lower = (1 - a) * pixels[bottom, left] + a * pixels[bottom, right]
    return (1 - b) * upper + b * lower


def name(operation):
    return operation.__name__.lstrip("_")


@pytest.mark.parametrize(
    "operation", [o for o in ALL if name(o)[:5] in {"shear", "shift", "rotat"}], ids=name
)
@pytest.mark.parametrize("positive", [True, False])
def test_geometry_moves_pixels_as_its_formula_says(image, operation, positive):
    class Sign(Random):
        def random(self):
            return 0.0 if positive else 0.9

    pixels = np.asarray(image).astype(float)
    found = np.asarray(operation(image, STRENGTH, Sign())).astype(float)
    sign, height, width = (1 if positive else -1), *pixels.shape[:2]
    angle = np.deg2rad(15.0 * sign)
    checked = 0
    for y in range(height):
        for x in range(width):
            # pixel centres lie half a pixel inside
            u, v = x + 0.5, y + 0.5
            cx, cy = width / 2, height / 2
            u, v = {
                "shear_x": (u + 0.15 * sign * v, v),
                "shear_y": (u, v + 0.15 * sign * u),
                "shift_x": (u + 5 * sign, v),
                "shift_y": (u, v + 5 * sign),
                "rotate": (
                    np.cos(angle) * (u - cx) - np.sin(angle) * (v - cy) + cx,
                    np.sin(angle) * (u - cx) + np.cos(angle) * (v - cy) + cy,
                ),
            }[name(operation)]
            wanted = bilinear(pixels, u - 0.5, v - 0.5)
            if wanted is not None:
                # bytes are rounded, sums are of fixed point
                assert np.abs(found[y, x] - wanted).max() <= 2
                checked += 1
            elif not (-1 < u < width + 1 and -1 < v < height + 1):
                assert tuple(found[y, x]) == GREY
    assert checked > 300


def test_contrast_stretches_each_channel(image):
    pixels = np.asarray(image).astype(float)
    found = np.asarray(augment._autocontrast(image, STRENGTH, Random(0))).astype(float)
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    np.testing.assert_allclose(found, (pixels - low) * 255 / (high - low), atol=1)  # cut to bytes


def test_half_of_the_magnitude_leaves_brightness_and_sharpness_alone(image):
    for operation in (augment._brightness, augment._sharpness, augment._identity):
        assert operation(image, STRENGTH, Random(0)).tobytes() == image.tobytes()
    assert augment._brightness(image, 1.0, Random(0)).tobytes() != image.tobytes()


def test_two_of_ten_each_with_probability_one_half(image, monkeypatch):
    """As a loop over the same draws would: the chosen operations, in order, each done or not."""
    done = []

    def noted(number):
        return lambda image, strength, rng: (done.append((number, strength)), image)[1]

    monkeypatch.setattr(augment, "ALL", tuple(noted(i) for i in range(10)))
    counts = np.zeros(10)
    for seed in range(2000):
        rng, done[:] = Random(seed), []
        picked = rng.choices(range(10), k=2)
        expected = [i for i in picked if rng.random() < 0.5]
        rand_augment(image, Random(seed))
        assert [i for i, _ in done] == expected
        assert {s for _, s in done} <= {STRENGTH}
        for i, _ in done:
            counts[i] += 1
    # 2,000 images x 2 x 1/2 / 10 = 200 each; four standard deviations are 54
    assert np.abs(counts - 200).max() < 54


def test_size_and_mode_stay_and_a_seed_decides(image):
    found = [rand_augment(image, Random(seed)) for seed in range(30)]
    assert {(one.size, one.mode) for one in found} == {(image.size, "RGB")}
    assert [one.tobytes() for one in found] == [rand_augment(image, Random(s)).tobytes() for s in range(30)]
    assert len({one.tobytes() for one in found}) > 10

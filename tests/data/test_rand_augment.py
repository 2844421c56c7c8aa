"""RandAugment keeps size and mode, one seed makes one image, and its operations are those of Pillow or of a loop."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageOps

from tagalign.data import rand_augment as module
from tagalign.data.rand_augment import GREY, rand_augment


@pytest.fixture
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8))


@pytest.mark.parametrize("operation", module._ALL)
def test_every_operation_keeps_size_and_mode_at_any_strength(image, operation):
    for strength in (0.0, 0.9, 1.0):
        changed = operation(image, strength, np.random.default_rng(1))
        assert (changed.size, changed.mode) == (image.size, image.mode)


def test_one_seed_makes_one_image(image):
    first, again = (rand_augment(image, np.random.default_rng(7)).tobytes() for _ in range(2))
    assert first == again
    assert len({rand_augment(image, np.random.default_rng(i)).tobytes() for i in range(40)}) > 15


def test_a_quarter_of_the_images_stays_as_it_is(monkeypatch, image):
    """Two operations, each with probability 1/2; identity operations would hide it, so each leaves a mark of its own."""
    calls = []
    marks = tuple(
        lambda image, strength, generator, i=i: calls.append((i, strength)) or image for i in range(15)
    )
    monkeypatch.setattr(module, "_ALL", marks)
    counts, generator = Counter(), np.random.default_rng(0)
    for _ in range(2000):
        before = len(calls)
        rand_augment(image, generator)
        counts[len(calls) - before] += 1
    for number, share in {0: 0.25, 1: 0.5, 2: 0.25}.items():
        assert counts[number] / 2000 == pytest.approx(share, abs=0.04)  # four standard deviations
    strengths = np.array([strength for _, strength in calls])
    assert strengths.mean() == pytest.approx(0.9, abs=0.01)
    assert strengths.max() <= 1
    assert {i for i, _ in calls} == set(range(15))


def test_solarize_add_against_a_loop(image):
    changed = np.asarray(module._solarize_add(image, 0.5, np.random.default_rng(0)))
    for before, after in zip(np.asarray(image).flatten().tolist(), changed.flatten().tolist(), strict=True):
        assert after == (min(255, before + 55) if before < 128 else before)


def test_full_solarize_is_an_inversion_and_none_is_none(image):
    generator = np.random.default_rng(0)
    assert module._solarize(image, 1.0, generator).tobytes() == ImageOps.invert(image).tobytes()
    assert module._solarize(image, 0.0, generator).tobytes() == image.tobytes()


def test_posterize_never_blackens(image):
    assert np.asarray(module._posterize(image, 1.0, np.random.default_rng(0))).max() >= 128


def test_a_shift_moves_pixels_and_fills_with_grey():
    image = Image.new("RGB", (20, 10), "white")
    changed = np.asarray(module._shift_x(image, 1.0, np.random.default_rng(0)))
    grey = (changed == GREY).all(axis=2)
    assert grey.all(axis=0).sum() == pytest.approx(0.45 * 20, abs=1)
    assert (grey.all(axis=0) == grey.any(axis=0)).all()

"""The faster resize against Pillow's, and when it is taken."""

import io

import numpy as np
import pytest
from PIL import Image

from tagalign.backbones.fast_resize import fast_resize, resizes_fast
from tagalign.backbones.pixels import resize
from tagalign.backbones.preprocess import open_image


def noise(width, height):
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((640, 480), (298, 224)),
        ((480, 640), (224, 298)),
        ((37, 53), (224, 224)),
        ((3000, 20), (90, 16)),
        ((1, 1), (5, 7)),
        ((200, 1), (16, 16)),
        ((640, 480), (640, 240)),
    ],
)
def test_values_are_those_of_pillow_to_rounding(before, after, resample):
    image = noise(*before)
    ours = fast_resize(image, after[::-1], resample)
    theirs = image.resize(after, Image.Resampling[resample.upper()])
    assert (ours.size, ours.mode) == (after, "RGB")
    gap = np.abs(np.asarray(ours, int) - np.asarray(theirs, int))
    # a rounding to bytes across and one down, each of which weights of 16 bits can tip
    assert gap.max() <= 2
    # few are tipped; most where 33 of 3,000 columns make one (0.048), else 0.007 at most
    assert gap.mean() < 0.06


def test_only_photos_opened_for_speed_are_resized_so():
    file = io.BytesIO()
    noise(64, 48).save(file, "PNG")
    plain, fast = (open_image(io.BytesIO(file.getvalue()), seen=seen) for seen in (None, lambda size: size))
    exact = np.asarray(plain.resize((20, 15), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(np.asarray(resize(plain, (15, 20))), exact)
    kernel = fast_resize if resizes_fast(fast, "bicubic") else lambda image, size, _: resize(plain, size)
    np.testing.assert_array_equal(
        np.asarray(resize(fast, (15, 20))), np.asarray(kernel(fast, (15, 20), "bicubic"))
    )


def test_what_the_kernel_cannot_do_stays_with_pillow(monkeypatch):
    image = noise(64, 48)
    assert not resizes_fast(image, "lanczos")
    assert not resizes_fast(image.convert("L"), "bicubic")
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "DEFAULT")
    assert not resizes_fast(image, "bicubic")


def test_what_is_known_of_a_photo_stays_with_it():
    image = noise(64, 48)
    image.info["full_size"] = (480, 640)
    assert fast_resize(image, (15, 20), "bicubic").info == image.resize((20, 15)).info

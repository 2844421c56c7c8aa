"""Grey of any range: a ramp comes back as the same ramp of 0 to 255, whatever numbers the file used for it."""

import numpy as np
import pytest
from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.errors import ImageError

RAMP = np.linspace(0, 1, 64, dtype=np.float64).reshape(8, 8)
EXPECTED = np.rint(RAMP * 255)


def opened(path):
    image = open_image(path)
    return np.asarray(image).astype(int), image.info.get("note")


@pytest.mark.parametrize(
    ("values", "is_noted"),
    [
        (RAMP.astype(np.float32), True),
        ((RAMP * 255).astype(np.float32), True),
        ((RAMP * 1000 - 500).astype(np.float32), True),
        (np.rint(RAMP * 255).astype(np.int32), True),
        (np.rint(RAMP * 4095).astype(np.int32), True),
        (np.rint(RAMP * 4095).astype(np.uint16), True),
        (np.rint(RAMP * 1023).astype(np.uint16), True),
        (np.rint(RAMP * 65535).astype(np.uint16), False),
        (np.rint(RAMP * 2e9).astype(np.int32), True),
    ],
)
def test_a_ramp_stays_a_ramp(tmp_path, values, is_noted):
    Image.fromarray(values).save(tmp_path / "a.tif")
    pixels, note = opened(tmp_path / "a.tif")
    # one step: rounding of the values, and the upper byte of 16 bits
    assert abs(pixels - EXPECTED[..., None]).max() <= 1
    assert (note is not None) == is_noted


def test_sixteen_bits_are_their_upper_byte(tmp_path):
    values = np.array([[0, 255, 256, 40000, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert opened(tmp_path / "a.png")[0][0, :, 0].tolist() == [0, 0, 1, 156, 255]


def test_the_range_that_a_file_names_counts(tmp_path):
    Image.fromarray((RAMP * 100).astype(np.float32)).save(tmp_path / "a.tif", tiffinfo={340: 0.0, 341: 200.0})
    pixels, note = opened(tmp_path / "a.tif")
    assert abs(pixels[..., 0] - EXPECTED / 2).max() <= 1
    assert "said by the file" in note


def test_white_may_be_zero(tmp_path):
    Image.fromarray(np.rint(RAMP * 65535).astype(np.uint16)).save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert abs(opened(tmp_path / "a.tif")[0][..., 0] - (255 - EXPECTED)).max() <= 1


def test_a_black_image_stays_black(tmp_path):
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "a.png")
    assert opened(tmp_path / "a.png") == (pytest.approx(0), None)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path, value):
    values = RAMP.astype(np.float32)
    values[2, 3] = value
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"a\.tif: holds values that are no numbers"):
        open_image(tmp_path / "a.tif")

"""Grey of any range: a ramp comes back as the same ramp of 0 to 255, whatever numbers the file used for it."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

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


GREY8 = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (4, 1)))
CLEAR = Image.fromarray(np.tile(np.arange(255, -1, -1, dtype=np.uint8), (4, 1)))
BACKWARDS = CLEAR.convert("RGB")


def png16(path, samples, colour_type):
    """A PNG of 16 bits a sample, which Pillow cannot write: ``samples`` are (height, width, channels)."""
    height, width = samples.shape[:2]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def saved_by_pillow(path, kind):
    rgb = GREY8.convert("RGB")
    if kind == "CMYK":
        GREY8.convert("CMYK").save(path)
    elif kind == "palette":
        rgb.quantize(256).save(path)
    elif kind == "LAB":
        spaces = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        ImageCms.applyTransform(rgb, ImageCms.buildTransform(*spaces, "RGB", "LAB")).save(path)
    else:  # the first frame counts
        rgb.save(
            path, save_all=True, append_images=[BACKWARDS], **({"lossless": True} if kind == "webp" else {})
        )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.tif", "CMYK"),
        ("a.tif", "LAB"),
        ("a.png", "palette"),
        ("a.tif", "pages"),
        ("a.gif", "frames"),
        ("a.webp", "webp"),
        ("a.png", "frames"),
        ("a.png", 2),
        ("a.png", 6),
        ("a.png", 4),
        ("a.pgm", "16 bits"),
        ("a.pgm", "10 bits"),
    ],
)
def test_a_grey_ramp_is_the_same_in_every_colour_space_and_container(tmp_path, name, kind):
    wide = np.asarray(GREY8).astype(np.uint16) * 257
    if isinstance(kind, int):  # colour, colour and alpha, grey and alpha; all opaque
        channels = {
            2: [wide] * 3,
            6: [wide] * 3 + [np.full_like(wide, 65535)],
            4: [wide, np.full_like(wide, 65535)],
        }
        png16(tmp_path / name, np.stack(channels[kind], axis=-1), kind)
    elif name == "a.pgm":
        most, values = (65535, wide) if kind == "16 bits" else (1023, np.rint(np.asarray(GREY8) / 255 * 1023))
        (tmp_path / name).write_bytes(b"P5\n256 4\n%d\n" % most + values.astype(">u2").tobytes())
    else:
        saved_by_pillow(tmp_path / name, kind)
    pixels, _ = opened(tmp_path / name)
    # LAB is stored in 8 bits, so a step is lost on the way there and one on the way back
    assert abs(pixels - np.asarray(GREY8).astype(int)[..., None]).max() <= (2 if kind == "LAB" else 1)


def test_one_bit_is_black_and_white_and_transparent_pixels_lie_on_white(tmp_path):
    GREY8.convert("1", dither=Image.Dither.NONE).save(tmp_path / "a.png")
    assert set(opened(tmp_path / "a.png")[0].ravel().tolist()) == {0, 255}
    Image.merge("LA", (GREY8, CLEAR)).save(tmp_path / "b.png")
    grey, alpha = (np.asarray(image).astype(float) for image in (GREY8, CLEAR))
    on_white = np.rint((grey * alpha + 255 * (255 - alpha)) / 255)
    assert abs(opened(tmp_path / "b.png")[0][..., 0] - on_white).max() <= 1
    palette = GREY8.convert("RGB").quantize(256)
    palette.save(tmp_path / "c.png", transparency=bytes([0] * 256))  # all of it is seen through
    assert opened(tmp_path / "c.png")[0].min() == 255

"""Opening any image file, and the sizes and numbers that come out.

Holds ``backbones/pixels.py``.
"""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.preprocess import Preprocessing, open_image, short_side_size
from tagalign.backbones.processor_files import read_preprocessing
from tagalign.errors import ImageError, ModelError


def save(tmp_path, image, name, **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def test_exif_rotation_is_applied(tmp_path):
    image = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to stand upright
    assert open_image(save(tmp_path, image, "a.jpg", exif=exif)).size == (10, 20)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16", "F", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    suffix = {"CMYK": "jpg", "F": "tif", "YCbCr": "jpg"}.get(mode, "png")
    image = open_image(save(tmp_path, Image.new(mode, (5, 4)), f"a.{suffix}"))
    assert (image.mode, image.size) == ("RGB", (5, 4))


def test_transparent_pixels_lie_on_white(tmp_path):
    image = open_image(save(tmp_path, Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "a.png"))
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    pixels = np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16)
    image = open_image(save(tmp_path, Image.fromarray(pixels), "a.png"))
    assert [image.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    path = save(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert open_image(path).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not an image"), (b"just text", "not an image"), (b"\xff\xd8\xff", "not an image|damaged")],
    ids=["empty", "text", "three bytes"],
)
def test_files_that_are_no_image(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message):
        open_image(path)


def test_truncated_jpeg(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
        buffer, "JPEG"
    )
    path = tmp_path / "a.jpg"
    path.write_bytes(buffer.getvalue()[:1500])
    with pytest.raises(ImageError, match=r"a\.jpg: the image is damaged"):
        open_image(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        open_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="got a folder"):
        open_image(tmp_path)


def test_decompression_bomb_is_refused_before_decoding(tmp_path):
    path = save(tmp_path, Image.new("1", (4000, 3000)), "a.png")
    with pytest.raises(ImageError, match="4000 x 3000 pixels, at most 1,000,000"):
        open_image(path, max_pixels=1_000_000)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 640), (448, 597)),  # Windows of the golden file assume this width
        ((1, 1), (448, 448)),
        ((4000, 6000), (448, 672)),
        ((3, 2000), (16, 2048)),  # the ratio would leave 3 pixels: less than a patch
    ],
)
def test_short_side_sizes(size, expected):
    assert short_side_size(size, 448, patch_size=16) == expected


def test_numbers_equal_transformers_on_the_same_size(clip_folder, photo):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil.from_pretrained(
        clip_folder, do_center_crop=False, size={"height": 32, "width": 48}
    )
    expected = processor(photo, return_tensors="pt")["pixel_values"][0]
    ours = to_tensor(
        resize(photo, (32, 48)), read_preprocessing(clip_folder, default=Preprocessing(image_size=32))
    )
    # one float32 rounding: they multiply by 1/255, we divide
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)


def test_damaged_processor_file_is_named(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ModelError, match=r"preprocessor_config\.json: expected the JSON"):
        read_preprocessing(tmp_path, default=Preprocessing(image_size=32))


def test_a_file_that_is_not_there_is_missing_and_not_damaged(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name, reason in (("gone.png", "image missing"), ("broken.png", "image damaged")):
        with pytest.raises(ImageError) as raised:
            open_image(tmp_path / name)
        assert raised.value.reason == reason


@pytest.mark.parametrize("given", [np.zeros((4, 4, 3), np.uint8), torch.zeros(3, 4, 4), b"abc"])
def test_what_is_no_photo_is_not_called_a_damaged_one(given, unchecked_types):
    with pytest.raises(ImageError, match=rf"a path or a PIL image, got {type(given).__name__}; .*fromarray"):
        open_image(given)

"""Photos damaged from a seed, as files and in tars: each is opened or is one ``ImageError``, and nothing else is raised."""

import io
import random
import struct
import warnings
import zlib

import pytest
from PIL import Image

from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.errors import DataError, ImageError
from tagalign.tasks.photos.source import PhotoSource

CASES = 30
"""Of a format; 1,000 of each were tried when this was written."""
FORMATS = {
    "jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "ppm": "PPM", "tga": "TGA",
    "jp2": "JPEG2000", "avif": "AVIF", "mpo": "MPO", "qoi": "QOI",
}  # fmt: skip
NUMBERS = (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0")


def photo(kind):
    image = Image.linear_gradient("L").resize((40, 24)).convert("RGB")
    exif = image.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, kind, **({"exif": exif.tobytes()} if kind in {"JPEG", "PNG", "WEBP", "TIFF"} else {}))
    return file.getvalue()


def damaged(data, rng):
    """Most damage in the head, where sizes and places stand."""
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(min(len(found), rng.choice([40, 200, len(found)])) or 1)
        way = rng.randrange(4)
        if way == 0:
            found[place : place + 1] = rng.randbytes(1)
        elif way == 1:
            found[place : place + 4] = rng.choice(NUMBERS)
        elif way == 2:
            del found[place:]
        else:
            del found[place : place + 3]
    return bytes(found)


def outcome(call):
    """What came of a call; any other exception ends the test."""
    with warnings.catch_warnings(action="ignore"):  # Pillow's own, about marks that it passes over
        try:
            call()
        except (ImageError, DataError):
            return "refused"
    return "opened"


def sources(path, data):
    """The same bytes as a file and as the member of a tar."""
    return PhotoSource(path=str(path)), PhotoSource(path=str(path), member="a", offset=0, length=len(data))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("suffix", FORMATS)
def test_damage_is_refused_in_one_way(tmp_path, suffix):
    if FORMATS[suffix] not in Image.SAVE:
        Image.init()
    if FORMATS[suffix] not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {FORMATS[suffix]}")
    whole = photo(FORMATS[suffix])
    path = tmp_path / f"a.{suffix}"
    found = set()
    for case in range(CASES):
        data = damaged(whole, random.Random(f"{suffix} {case}")) if case else whole
        path.write_bytes(data)
        file, member = sources(path, data)
        told = {
            outcome(file.open),
            outcome(member.open),
            outcome(lambda one=file: one.open(lambda size: (4, 4))),
        }
        assert len(told) == 1, case
        assert case or told == {"opened"}
        outcome(file.size), outcome(member.size), outcome(lambda: PhotoFolder(tmp_path).find(path.name))
        found |= told
    assert found == {"opened", "refused"}, "damage of both kinds was drawn"


def png_of(width, height):
    """A PNG that says it is this large, and holds nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (head, b"IDAT", b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks
    )


@pytest.mark.parametrize("side", [10_001, 20_000, 2**31 - 1])
def test_a_head_that_says_too_much_is_refused_also_in_a_tar(tmp_path, side):
    data = png_of(side, side)
    (tmp_path / "a.png").write_bytes(data)
    for one in sources(tmp_path / "a.png", data):
        with pytest.raises(ImageError, match="pixels"):
            one.open()


def test_a_drawing_starts_no_other_program(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "PIL.EpsImagePlugin.Ghostscript", lambda *args: pytest.fail("Ghostscript was started")
    )
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(ImageError, match="a drawing"):
        PhotoSource(path=str(path)).open()

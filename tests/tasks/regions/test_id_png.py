"""Id pictures of every kind that Pillow writes, read back as the ids that went in."""

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import DataError
from tagalign.tasks.regions.id_png import read_ids

IDS = np.random.default_rng(0).integers(0, 4, (9, 13))


def same(found, ids):
    return found.size == ids.shape and found.ids is not None and np.array_equal(found.ids.numpy(), ids)


def test_grey_of_8_and_16_bits_and_palettes(tmp_path):
    grey = Image.fromarray(IDS.astype(np.uint8))
    grey.save(tmp_path / "grey.png")
    palette = Image.fromarray(IDS.astype(np.uint8))
    palette.putpalette([i * 7 % 256 for i in range(768)])
    palette.save(tmp_path / "palette.png")
    assert same(read_ids(tmp_path / "grey.png"), IDS)
    assert same(read_ids(tmp_path / "palette.png"), IDS)
    Image.fromarray((IDS * 300).astype(np.uint16)).save(tmp_path / "deep.png")
    assert same(read_ids(tmp_path / "deep.png"), IDS * 300)


def test_panoptic_colours_are_one_number(tmp_path):
    ids = IDS * 70_000
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "panoptic.png")
    assert same(read_ids(tmp_path / "panoptic.png"), ids)


@pytest.mark.parametrize(
    ("mode", "name", "said"), [("RGBA", "a.png", "got mode RGBA"), ("L", "a.jpg", "got mode L")]
)
def test_pictures_that_are_no_ids_are_refused(tmp_path, mode, name, said):
    Image.new(mode, (4, 3)).save(tmp_path / name)
    with pytest.raises(DataError, match=said):
        read_ids(tmp_path / name)


def test_a_damaged_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG broken")
    for name in ("a.png", "b.png"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read as a picture of ids"):
            read_ids(tmp_path / name)

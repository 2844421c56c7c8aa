from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.export.masks import mask_image, save_mask

# the published colours of PASCAL VOC 2012, ids 0 to 20 and the void border


def test_a_mask_of_few_labels_is_a_palette_png(tmp_path: Path) -> None:
    labels = torch.randint(0, 21, (7, 11), generator=torch.Generator().manual_seed(0))
    labels[0, 0] = 255
    save_mask(tmp_path / "a.png", labels, 21)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), labels.numpy())
        assert image.convert("RGB").getpixel((0, 0)) == (224, 224, 192)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("num_labels", "mode"), [(255, "P"), (256, "I;16"), (65_535, "I;16")])
def test_the_form_depends_on_the_number_of_labels_alone(tmp_path: Path, num_labels: int, mode: str) -> None:
    labels = torch.tensor([[0, num_labels - 1]])
    save_mask(tmp_path / "a.png", labels, num_labels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), labels.numpy())


def test_ignored_pixels_have_an_id_that_is_no_label(tmp_path: Path) -> None:
    wide = torch.tensor([[0, 255, 299, 65_535]])
    save_mask(tmp_path / "a.png", wide, 300)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), wide.numpy())
    with pytest.raises(InputError, match="id 65535 is out of range"):
        mask_image(torch.tensor([[0, 65_535]]), 200)


@pytest.mark.parametrize(("label", "num_labels"), [(-1, 3), (3, 3), (256, 255), (300, 300)])
def test_an_id_out_of_range_is_named(label: int, num_labels: int) -> None:
    with pytest.raises(InputError, match=f"id {label} is out of range: expected 0 to {num_labels - 1}"):
        mask_image(torch.tensor([[0, label]]), num_labels)


def test_more_labels_than_a_png_holds_are_refused() -> None:
    with pytest.raises(InputError, match="at most 65,535 labels"):
        mask_image(torch.zeros(1, 1, dtype=torch.int64), 65_537)


def test_a_refused_mask_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        save_mask(tmp_path / "a.png", torch.tensor([[9]]), 3)
    assert not list(tmp_path.iterdir())

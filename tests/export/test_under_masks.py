"""The gallery of a run shows masks: each photo in the colours of its own labels, its background as it is."""

import numpy as np
from PIL import Image

from tagalign.cli.main import main
from tagalign.export.drawing import label_color
from tagalign.export.results import read_results
from tagalign.export.under_masks import OPACITY, photos_under_masks


def run(tmp_path, clip_folder, *flags):
    (tmp_path / "photos").mkdir()
    for name, color in (("a.png", (200, 30, 30)), ("b.png", (20, 30, 200))):
        Image.new("RGB", (48, 40), color).save(tmp_path / "photos" / name)
    asked = ["segment", str(tmp_path / "photos"), "--labels", "dog,grass", "--model", str(clip_folder)]
    assert main([*asked, "--out", str(tmp_path / "out"), *flags]) == 0
    return tmp_path / "out"


def test_each_photo_has_the_colours_of_its_labels(tmp_path, clip_folder):
    folder = run(tmp_path, clip_folder)
    opened = photos_under_masks(folder)
    for result in read_results(folder):
        ids = result.segmentation.labels.numpy()
        photo = np.asarray(Image.open(tmp_path / "photos" / result.file_name).convert("RGB"), float)
        shown = np.asarray(opened(str(tmp_path / "photos" / result.file_name)), float)
        for label in np.unique(ids):
            expected = (1 - OPACITY) * photo + OPACITY * np.array(label_color(int(label)))
            # one step of rounding
            assert np.abs(shown - expected)[ids == label].max() <= 1


def test_a_photo_without_a_picture_of_its_mask_is_shown_as_it_is(tmp_path, clip_folder):
    folder = run(tmp_path, clip_folder)
    key = str(tmp_path / "photos/a.png")
    (folder / "a.png").unlink()
    assert photos_under_masks(folder)(key).getpixel((0, 0)) == (200, 30, 30)
    Image.new("L", (48, 40)).save(folder / "a.png")  # no palette: not ours
    assert photos_under_masks(folder)(key).getpixel((0, 0)) == (200, 30, 30)


def test_background_keeps_the_photo(tmp_path, clip_folder):
    folder = run(tmp_path, clip_folder, "--background", "--threshold", "1.0")
    key = str(tmp_path / "photos/b.png")
    assert np.unique(np.asarray(photos_under_masks(folder)(key)).reshape(-1, 3), axis=0).tolist() == [
        [20, 30, 200]
    ]

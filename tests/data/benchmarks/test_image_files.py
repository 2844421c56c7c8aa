"""A list of image files: names without endings, pictures upright, what is missing is listed."""

import numpy as np
from PIL import Image

from tagalign.data.benchmarks.image_files import ImageFiles


def test_pictures_names_and_gaps(tmp_path):
    picture = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    picture.getexif()[274] = 6  # a camera that was held upright
    picture.save(tmp_path / "a.b.png", exif=picture.getexif())
    data = ImageFiles(name="x", split="val", images=(tmp_path / "a.b.png", tmp_path / "gone.png"), expected=9)
    assert (len(data), data.key(0), data.key(1), data.count(1)) == (2, "a.b", "gone", 1)
    assert data.image(0).size == (4, 6)
    assert data.image(0).mode == "RGB"
    assert data.missing() == [tmp_path / "gone.png"]

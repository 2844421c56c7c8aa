"""Photos kept between both passes of --look auto: each is encoded once where they fit, and the tags are the same."""

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.methods.piaa.method import Piaa
from tagalign.tasks.folder_look import kept

pytestmark = pytest.mark.filterwarnings("always:a look at")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five photos of two sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(5):
        pixels = np.random.default_rng(i).integers(0, 255, (24 + 16 * (i % 2), 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("room", "disk", "encodings"),
    [(2**30, False, [5]), (0, False, [10]), (2500, False, range(6, 10)), (2500, True, [5])],
    ids=["all", "none", "some", "the others on disk"],
)
def test_a_photo_that_fits_is_encoded_once(room, disk, encodings, photos, clip_folder, tmp_path, monkeypatch):
    counted, encode = [], Piaa.encode_canvases

    def counting(self, canvases):
        counted.append(len(canvases))
        return encode(self, canvases)

    monkeypatch.setattr(Piaa, "encode_canvases", counting)
    made = kept.KeptPhotos
    monkeypatch.setattr(kept, "KeptPhotos", lambda spill: made(most=room, spill=spill if disk else None))
    flags = [
        "--labels",
        "dog,cat",
        "--method",
        "piaa",
        "--model",
        str(clip_folder),
        "--device",
        "cpu",
        "--no-summary",
    ]
    assert main(["tag", str(photos), *flags, "--look", "auto", "--out", str(tmp_path / "auto")]) == 0
    assert sum(counted) in encodings
    given = ["--look", str(tmp_path / "auto/look"), "--out", str(tmp_path / "given")]
    assert main(["tag", str(photos), *flags, *given]) == 0
    assert (tmp_path / "auto/tags.csv").read_text() == (tmp_path / "given/tags.csv").read_text()

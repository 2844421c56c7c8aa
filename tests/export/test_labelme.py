"""labelme's files as a plain reader sees them, where they say that photos lie, and what is not written over."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tagalign.errors import InputError
from tagalign.export.labelme import write_labelme
from tagalign.export.records import Annotated
from tagalign.types import Instance, Segmentation

from .blobs import NAMES, annotated


def content(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_masks_are_the_label_map(tmp_path):
    image = annotated(0, "day/a.jpg")
    assert write_labelme(tmp_path, [image], form="masks") == 1
    found = content(tmp_path / "day/a.json")
    assert (found["imageHeight"], found["imageWidth"], found["imageData"]) == (60, 80, None)
    painted = np.zeros(image.size, dtype=np.int64)
    for shape in found["shapes"]:
        (x, y), (right, bottom) = (map(int, point) for point in shape["points"])
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as picture:
            inside = np.asarray(picture).astype(bool)
        # labelme's rule: from the first to the last pixel of the box
        painted[y : bottom + 1, x : right + 1][inside] = NAMES.index(shape["label"])
    np.testing.assert_array_equal(painted, image.segmentation.labels.numpy())


def test_polygons_have_the_area_of_the_masks(tmp_path):
    image = annotated(3, "a.jpg")
    write_labelme(tmp_path, [image])
    areas = dict.fromkeys(NAMES, 0.0)
    for shape in content(tmp_path / "a.json")["shapes"]:
        x, y = np.array(shape["points"]).T
        areas[shape["label"]] += abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    truth = image.segmentation.labels.flatten().bincount(minlength=4).tolist()
    for name, area in zip(NAMES[1:], truth[1:], strict=True):
        assert areas[name] == pytest.approx(area, rel=0.02)  # the promise of the polygons


def test_rings_of_one_instance_share_a_group(tmp_path):
    inside = torch.zeros(8, 14, dtype=torch.bool)
    inside[:, :4] = inside[:, 10:14] = True
    labels = torch.zeros(20, 30, dtype=torch.int64)
    labels[2:10, 5:19][inside] = labels[15, 3] = 1
    dot = torch.ones(1, 1, dtype=torch.bool)
    instances = (
        Instance(label=1, name="cat", inside=inside, box=(5, 2, 19, 10), score=0.5, size=(20, 30)),
        Instance(label=1, name="cat", inside=dot, box=(3, 15, 4, 16), score=0.25, size=(20, 30)),
    )
    segmentation = Segmentation(
        labels=labels, names=("background", "cat"), scores=torch.ones(20, 30), instances=instances
    )
    write_labelme(tmp_path, [Annotated(file_name="a.png", size=(20, 30), segmentation=segmentation)])
    shapes = content(tmp_path / "a.json")["shapes"]
    assert [(shape["group_id"], shape["score"]) for shape in shapes] == [(1, 0.5), (1, 0.5), (None, 0.25)]
    drawn = Image.new("1", (30, 20))
    for shape in shapes:
        # corners lie on the borders of pixels; Pillow counts them as pixels
        x, y = np.array(shape["points"], dtype=int).T
        ImageDraw.Draw(drawn).rectangle((x.min(), y.min(), x.max() - 1, y.max() - 1), fill=1)
    np.testing.assert_array_equal(np.asarray(drawn), labels.numpy() == 1)


def test_every_label_that_was_asked_is_a_flag(tmp_path):
    write_labelme(tmp_path, [annotated(0, "a.jpg")])
    found = content(tmp_path / "a.json")
    assert found["flags"] == {name: name in ("cat", "tree") for name in NAMES[1:]}
    assert set(found["suggested_labels"]) == {shape["label"] for shape in found["shapes"]} | {"cat", "tree"}


@pytest.mark.parametrize(
    ("out", "photos", "way"),
    [("photos", "photos", "a.jpg"), ("out", "photos", "../../photos/day/a.jpg"), ("out", None, "a.jpg")],
)
def test_files_say_where_their_photos_lie(tmp_path, out, photos, way):
    folder = None if photos is None else tmp_path / photos
    write_labelme(tmp_path / out, [annotated(0, "day/a.jpg")], photos=folder)
    assert content(tmp_path / out / "day/a.json")["imagePath"] == way


def test_what_a_person_saved_is_not_written_over(tmp_path):
    write_labelme(tmp_path, [annotated(0, "a.jpg")])
    write_labelme(tmp_path, [annotated(1, "a.jpg")])  # our own is
    saved = content(tmp_path / "a.json") | {"version": "5.5.0"}
    (tmp_path / "a.json").write_text(json.dumps(saved))
    with pytest.raises(InputError, match="saved by another tool"):
        write_labelme(tmp_path, [annotated(2, "a.jpg")])
    assert content(tmp_path / "a.json") == saved


def test_two_photos_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="rename one"):
        write_labelme(tmp_path, [annotated(0, "a.jpg"), annotated(1, "a.png")])


def test_odd_names_come_back(tmp_path):
    names = ('a "b" <c>', "日本語 🐕", "tab\t", "half \udce9")
    write_labelme(tmp_path, [annotated(0, f"x/{name}.jpg") for name in names])
    found = {content(path)["imagePath"] for path in (tmp_path / "x").iterdir()}
    assert found == {f"{name}.jpg" for name in names}

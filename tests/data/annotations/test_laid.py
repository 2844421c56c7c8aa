"""Annotations fall on their photos, under own labels; what does not fit is told.

Holds ``data/annotations/told.py``, ``data/annotations/spool.py``, ``data/annotations/reader.py``,
``data/annotations/opening.py``.
"""

import json

import numpy as np
import pytest
from annotation_toys import save_photos

from tagalign.data.annotations import told
from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.opening import format_of, photos_beside
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.told import LeftOut
from tagalign.errors import DataError, InputError
from tagalign.tags.label_sets import load_label_set


def write_coco(path, **photos):
    """Photos by name: their size, and the pixels of each label as boxes ``(left, top, right, bottom)``."""
    images, rows, names = [], [], {}
    for number, (name, (size, *regions)) in enumerate(photos.items()):
        images.append({"id": number, "file_name": f"{name}.jpg", "height": size[0], "width": size[1]})
        for label, (left, top, right, bottom) in regions:
            ring = [left, top, right, top, right, bottom, left, bottom]
            category = names.setdefault(label, len(names))
            rows.append({"image_id": number, "category_id": category, "segmentation": [ring]})
    categories = [{"id": number, "name": name} for name, number in names.items()]
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    return path


def laid(tmp_path, **rules):
    return lay(tmp_path / "a.json", "coco", PhotoFolder(tmp_path), LayingRules(**rules))


def lines(found):
    return "; ".join(found.told.lines())


def test_regions_are_where_they_were_drawn(tmp_path):
    save_photos(tmp_path, "a.jpg", "b.jpg")
    write_coco(tmp_path / "a.json", a=((60, 80), ("Cat", (10, 20, 30, 40))), b=((60, 80),))
    found = laid(tmp_path)
    for _ in range(2):  # it can be gone through again
        one, two = found
        assert (one.photo.place, one.marked.labels) == ("a.jpg", ("Cat",))
        mask = one.marked.regions[0].mask((60, 80))
        assert mask[20:40, 10:30].all()
        assert mask.sum() == 400
        assert (two.photo.place, two.marked.labels, two.marked.said_by) == ("b.jpg", (), "person")
    assert (found.labels, len(found), lines(found)) == (("Cat",), 2, "")


def test_annotations_of_turned_photos_by_the_size_in_the_file(tmp_path):
    """A photo of 60 x 80 stored pixels that is shown as 80 x 60."""
    save_photos(tmp_path, "seen.jpg", "raw.jpg", orientation=6)
    box = ("cat", (0, 0, 10, 20))
    write_coco(tmp_path / "a.json", seen=((80, 60), box), raw=((60, 80), box))
    seen, raw = laid(tmp_path)
    assert seen.marked.size == raw.marked.size == (80, 60)
    assert seen.marked.regions[0].box == (0, 0, 10, 20)
    # orientation 6: the upper left corner of the file is the upper right one of the photo
    assert raw.marked.regions[0].box == (40, 0, 60, 10)
    assert np.argwhere(raw.marked.regions[0].mask((80, 60)))[:, 1].min() == 40


def test_where_both_sizes_are_one_the_upright_photo_is_meant_and_that_is_said(tmp_path):
    save_photos(tmp_path, "a.jpg", size=(60, 60), orientation=3)
    write_coco(tmp_path / "a.json", a=((60, 60), ("cat", (0, 0, 10, 20))))
    found = laid(tmp_path)
    assert next(iter(found)).marked.regions[0].box == (0, 0, 10, 20)
    assert "--exif stored says otherwise: 1 (a.jpg)" in lines(found)
    assert next(iter(laid(tmp_path, exif="stored"))).marked.regions[0].box == (50, 40, 60, 60)


@pytest.mark.parametrize(
    ("photos", "reason"),
    [
        ({"none": ((60, 80),)}, "photos that were not found: 1 (none.jpg: no photo of this name in"),
        ({"a": ((30, 40),)}, "another size than their annotations: 1 (a.jpg: 30 x 40 pixels (height x width) in"),
        ({"a": ((80, 60),)}, "another size"),
        ({"A": ((60, 80),), "a": ((60, 80),)}, "a photo that had some before: 1 (a.jpg: a.jpg)"),
        ({"broken": ((60, 80),)}, "photos that cannot be read: 1 (broken.jpg: the photo is damaged"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(tmp_path, photos, reason):
    save_photos(tmp_path, "a.jpg", "good.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"x")
    write_coco(tmp_path / "a.json", good=((60, 80),), **photos)
    found = laid(tmp_path)
    assert reason in lines(found)
    assert "good.jpg" in {one.photo.place for one in found}


def test_own_labels_by_synonym_and_by_a_saved_mapping(tmp_path):
    save_photos(tmp_path, "a.jpg")
    boxes = [(name, (i, 0, i + 1, 1)) for i, name in enumerate(["Kitty", "DOG", "thing", "tree"])]
    write_coco(tmp_path / "a.json", a=((60, 80), *boxes))
    found = laid(tmp_path, labels=load_label_set(["cat: kitty", "dog", "bird"]), saved={"thing": None})
    (one,) = found
    assert one.marked.labels == ("cat", "dog")
    assert found.labels == ("cat", "dog", "bird"), "also those that no photo has"
    assert lines(found) == "left out: labels that are none of yours: 1 (tree)"


def test_what_nobody_judged_is_left_out_unless_it_is_asked_for(tmp_path):
    save_photos(tmp_path, "a.jpg")
    choice = {"type": "choices", "value": {"choices": ["cat"]}}
    (tmp_path / "a.json").write_text(
        json.dumps([{"data": {"image": "a.jpg"}, "predictions": [{"result": [choice]}]}])
    )
    photos = PhotoFolder(tmp_path)
    found = lay(tmp_path / "a.json", "label-studio", photos, LayingRules())
    assert not len(found)
    assert "--with-suggestions takes the model's word: 1 (a.jpg)" in lines(found)
    (one,) = lay(tmp_path / "a.json", "label-studio", photos, LayingRules(with_suggestions=True))
    assert one.marked.tags == ("cat",)


def test_formats_are_told_by_what_is_in_them(tmp_path):
    assert format_of(write_coco(tmp_path / "a.json", a=((60, 80),))) == "coco"
    (tmp_path / "b.json").write_text("[]")
    assert format_of(tmp_path / "b.json") == "label-studio"
    (tmp_path / "set/labels").mkdir(parents=True)
    (tmp_path / "set/images").mkdir()
    assert format_of(tmp_path / "set") == "yolo"
    assert photos_beside(tmp_path / "set", "yolo") == tmp_path / "set/images"
    assert photos_beside(tmp_path / "a.json", "coco") == tmp_path
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="none of the formats"):
        format_of(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="no such file or folder"):
        format_of(tmp_path / "nowhere")
    (tmp_path / "a.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(InputError, match="is packed; unpack it"):
        format_of(tmp_path / "a.zip")


def test_all_cases_are_counted_and_some_are_kept(monkeypatch):
    monkeypatch.setattr(told, "KEPT", 5)
    found = LeftOut()
    for number in range(9):
        found.say("left out: shapes", "a.jpg", f"<{number}>")
    found.say("turned", "")
    assert list(found.lines()) == [
        "left out: shapes: 9 (a.jpg: <0>, a.jpg: <1>, a.jpg: <2>, ...)",
        "turned: 1",
    ]
    assert len(found.cases["left out: shapes"]) == 5

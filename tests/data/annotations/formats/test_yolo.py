"""YOLO's folders: names in every form, boxes, polygons, and lines that hold neither."""

import numpy as np
import pytest
from annotation_toys import read_all

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError


def write(folder, yaml="names: [cat, red car]", **files):
    (folder / "labels/train").mkdir(parents=True)
    (folder / "data.yaml").write_text(yaml)
    for name, text in files.items():
        (folder / f"labels/train/{name}.txt").write_text(text)
    return folder


def test_polygons_and_boxes_are_shares_of_the_photo(tmp_path):
    write(
        tmp_path,
        a="1 0.125 0.5 0.375 0.5 0.375 1 0.125 1\n0 0.5 0.5 0.25 0.1\n\n0 0.5 0.5 0.25 0.1 0.75\n",
        b="",
    )
    photos, source = read_all("yolo", tmp_path, size=(60, 80))
    car, box, scored = photos["train/a"].regions
    assert (car.label, car.is_box, car.box) == ("red car", False, (10, 30, 30, 60))
    assert car.mask((60, 80)).sum() == 20 * 30
    np.testing.assert_allclose(box.box, (30, 27, 50, 33))
    assert (box.label, box.is_box, box.score, scored.score) == ("cat", True, None, 0.75)
    assert photos["train/b"].labels == (), "an empty file says that nothing is there"
    assert tuple(source.names) == ("cat", "red car")


NAMES = (
    "names: [cat, red car]",
    "names:\n  0: cat\n  1: red car\n",
    'names: {"1": "red car", "0": cat}',
    "nc: 2\nnames: ['cat', \"red car\"]",
)


@pytest.mark.parametrize("yaml", NAMES)
def test_names_are_a_list_or_a_map(tmp_path, yaml):
    write(tmp_path, yaml, a="1 0.5 0.5 0.1 0.1")
    for path in (tmp_path, tmp_path / "data.yaml"):
        assert read_all("yolo", path, size=(60, 80))[0]["train/a"].labels == ("red car",)


def test_names_may_stand_in_a_list_beside(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\n犬, small\n", encoding="utf-8")
    (tmp_path / "a.b.txt").write_text("1 0.5 0.5 0.1 0.1")
    assert read_all("yolo", tmp_path, size=(60, 80))[0]["a.b"].labels == ("犬, small",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.1 0.1 0.5 0.5 0.9 0.1 0.3", "in turns, got 7"),
        ("0 0.1 0.1", "fewer than three corners"),
        ("0 0.1 0.1 nan 0.2", "a number that is none"),
        ("0 0.5 0.5 0 0.2", "a box of 0 x 12"),
        ("7 0.5 0.5 0.1 0.2", "line 1: class 7"),
        ("cat 0.5 0.5 0.1 0.2", "could not convert"),
        ("inf 0.5 0.5 0.1 0.2", "class inf"),
        ("0 900 900 901 900 902 903", "pixels away"),
        ("0 1e308 1e308 1e308 1e308", "a box without an end"),
    ],
)
def test_what_cannot_be_used_costs_itself_and_is_told(tmp_path, line, reason):
    write(tmp_path, a=f"{line}\n0 0.5 0.5 0.1 0.1\n")
    photos, source = read_all("yolo", tmp_path, size=(60, 80))
    assert len(photos["train/a"].regions) == 1
    (told,) = source.told.lines()
    assert reason in told


def test_without_the_photo_nobody_knows_the_pixels(tmp_path):
    photos, source = read_all("yolo", write(tmp_path, a="0 0.5 0.5 0.1 0.1"))
    assert not photos
    assert "photos of unknown size: 1 (train/a" in next(iter(source.told.lines()))


@pytest.mark.parametrize(
    ("yaml", "match"),
    [
        ("names: 5", "names of the classes"),
        ("names: [a, [b]]", "expected a name"),
        ("names: {x: y}", "invalid literal"),
        ("names: [a", "could not read it"),
        ("names: [a]\n\0", "could not read it"),
        ("names: [" + "a," * 500_000 + "]", "more than 1,000,000 bytes"),
        ("nc: 3", "nobody says what the class ids mean"),
        ("a: &a [x]\nnames: !!python/object/apply:os.system [ls]", "could not read it"),
    ],
)
def test_a_damaged_list_of_names_is_one_line(tmp_path, yaml, match):
    with pytest.raises(DataError, match=match) as refused:
        read_all("yolo", write(tmp_path, yaml, a=""))
    assert "\n" not in str(refused.value)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no files of labels"):
        read_all("yolo", write(tmp_path))


def test_what_looks_like_yolo(tmp_path):
    assert READERS["yolo"].looks_like(write(tmp_path / "set"))
    assert READERS["yolo"].looks_like(tmp_path / "set/data.yaml")
    assert not READERS["yolo"].looks_like(tmp_path)


@pytest.mark.parametrize("is_empty", [False, True])
def test_photos_without_a_file_are_counted_and_empty_where_that_is_meant(tmp_path, is_empty):
    write(tmp_path, a="0 0.5 0.5 0.25 0.1", b="", gone="")
    places = {"train/a": "train/a.jpg", "train/b": "train/b.jpg"}
    photos, source = read_all(
        "yolo",
        tmp_path,
        size=(60, 80),
        place_of=places.get,
        places=lambda: ["train/a.jpg", "train/b.jpg", "train/c.jpg", "val/a.jpg"],
        missing_is_empty=is_empty,
    )
    silent = {"train/c.jpg", "val/a.jpg"}
    assert photos.keys() - {"train/a", "train/b", "train/gone"} == (silent if is_empty else set())
    assert all(photos[name].labels == () for name in silent & photos.keys())
    ((reason, count),) = source.told.counts.items()
    assert count == 2
    assert ("taken as empty" in reason, "--missing-is-empty" in reason) == (is_empty, not is_empty)


def test_a_class_without_a_name_is_unknown_and_not_void(tmp_path):
    write(tmp_path, yaml="names: ['', dog]", a="0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n")
    photos, source = read_all("yolo", tmp_path, size=(60, 80))
    assert [region.label for region in photos["train/a"].regions] == ["dog"]
    assert list(source.told.counts.values()) == [1]

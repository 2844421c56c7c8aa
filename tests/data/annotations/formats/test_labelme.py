"""labelme's files: every shape by hand, objects of several shapes, and what a model said before anybody saved."""

import base64
import io
import json

import numpy as np
import pytest
from annotation_toys import read_all, save_photos
from PIL import Image

from tagalign.data.annotations.formats import READERS
from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.errors import DataError


def write(path, *shapes, image="a.jpg", size=(60, 80), **more):
    about = {"version": "5.5.0", "flags": {}, "imagePath": image, "imageData": None}
    sides = {} if size is None else {"imageHeight": size[0], "imageWidth": size[1]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(about | {"shapes": shapes} | sides | more), encoding="utf-8")
    return path


def shape(kind, *points, label="cat", **more):
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}} | more


def png(mask):
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def only(tmp_path, *shapes):
    photos, source = read_all("labelme", write(tmp_path / "a.json", *shapes))
    assert not source.told.counts
    (found,) = photos["a.jpg"].regions
    return found


def test_a_polygon_has_the_pixels_inside(tmp_path):
    mask = only(tmp_path, shape("polygon", [10, 10], [30, 10], [30, 40], [10, 40])).mask((60, 80))
    assert mask[10:40, 10:30].all()
    assert mask.sum() == 30 * 20


def test_polygons_of_one_group_and_label_are_one_object(tmp_path):
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    parts = [[[x + shift, y] for x, y in square] for shift in (0, 10, 20)]
    path = write(
        tmp_path / "a.json",
        shape("polygon", *parts[0], group_id=1),
        shape("polygon", *parts[1], group_id=1),
        shape("polygon", *parts[2], group_id=1, label="dog"),
        shape("polygon", *parts[2]),
    )
    photos, _ = read_all("labelme", path)
    regions = photos["a.jpg"].regions
    assert [(region.label, int(region.mask((60, 80)).sum())) for region in regions] == [
        ("cat", 32),
        ("dog", 16),
        ("cat", 16),
    ]


@pytest.mark.parametrize(
    "points", [([30, 26], [10, 20]), ([10, 20], [30, 20], [30, 26], [10, 26])], ids=["two", "four"]
)
def test_a_rectangle_is_the_box_around_its_points(tmp_path, points):
    found = only(tmp_path, shape("rectangle", *points))
    assert (found.box, found.is_box, found.code) == ((10, 20, 30, 26), True, None)


@pytest.mark.parametrize("kind", ["rotation", "oriented_rectangle"])
def test_a_turned_rectangle_is_a_box_whose_pixels_are_known(tmp_path, kind):
    found = only(tmp_path, shape(kind, [20, 10], [30, 20], [20, 30], [10, 20]))
    assert (found.box, found.is_box) == ((10, 10, 30, 30), True)
    # half of the box, but for pixels that the sides cut
    assert int(found.mask((60, 80)).sum()) == pytest.approx(200, abs=20)


def test_a_circle_goes_from_its_middle_to_a_point(tmp_path):
    mask = only(tmp_path, shape("circle", [40, 30], [43, 34])).mask((60, 80))  # a radius of 5
    y, x = np.mgrid[:60, :80] + 0.5
    assert (mask != (np.hypot(x - 40, y - 30) < 5)).sum() <= 4, "pixels whose centre lies on the line"


def test_a_mask_begins_at_its_first_point(tmp_path):
    inside = np.random.default_rng(0).random((4, 5)) < 0.5
    inside[0, 0] = inside[-1, -1] = True
    found = only(tmp_path, shape("mask", [7, 3], [11, 6], mask=png(inside)))
    expected = np.zeros((60, 80), dtype=bool)
    expected[3:7, 7:12] = inside
    np.testing.assert_array_equal(found.mask((60, 80)), expected)


def test_flags_that_are_set_and_tags_are_of_the_photo(tmp_path):
    flags = {"cat": True, "dog": False, "fog": None}
    photos, source = read_all("labelme", write(tmp_path / "a.json", flags=flags, tags=["sky", 7, "cat"]))
    assert photos["a.jpg"].tags == ("cat", "sky")
    assert list(source.names) == ["cat", "dog", "fog", "sky"]


def test_a_score_says_that_a_model_drew_and_difficult_that_it_does_not_count(tmp_path):
    box = [1, 1], [9, 9]
    path = write(
        tmp_path / "a.json",
        shape("rectangle", *box, score=0.5),
        shape("rectangle", *box, score=None, difficult=True, label="dog"),
        suggested_labels=["cat", "fox"],
    )
    photos, _ = read_all("labelme", path)
    photo = photos["a.jpg"]
    assert [(r.score, r.suggested, r.crowd) for r in photo.regions] == [
        (0.5, True, False),
        (None, False, True),
    ]
    assert photo.given == ("cat", "fox")


@pytest.mark.parametrize(
    ("version", "said_by"), [("tagalign 0.1", "model"), ("5.5.0", "person"), (None, "person")]
)
def test_nobody_has_judged_what_nobody_saved(tmp_path, version, said_by):
    photos, _ = read_all("labelme", write(tmp_path / "a.json", version=version))
    assert photos["a.jpg"].said_by == said_by


@pytest.mark.parametrize(
    ("where", "image", "place"),
    [
        ("a.json", "a.jpg", "a.jpg"),
        ("day/a.json", "a.jpg", "day/a.jpg"),
        ("day/a.json", "..\\a.jpg", "a.jpg"),
        ("labels/a.json", "../../photos/day/a.jpg", "day/a.jpg"),
        ("day/a.json", "C:\\photos\\day\\a.jpg", "day/a.jpg"),
        ("day/a.json", "", "day/a.jpg"),
    ],
)
def test_photos_are_found_from_where_the_file_lies(tmp_path, where, image, place):
    save_photos(tmp_path / "photos", place, "other/b.jpg")
    write(tmp_path / "files" / where, shape("rectangle", [1, 1], [9, 9]), image=image)
    laid = lay(tmp_path / "files", "labelme", PhotoFolder(tmp_path / "photos"), LayingRules())
    assert [one.photo.place for one in laid] == [place]


def test_what_is_no_region_is_told(tmp_path):
    good = shape("rectangle", [1, 1], [9, 9])
    bad = [
        shape("line", [1, 1], [2, 2]),
        shape("point", [1, 1]),
        shape("rectangle", [1, 1], [9, 9], label=""),
        shape("polygon", [1, 1], [2, 2]),
        shape("rectangle", [1, 1], [1, 9]),
        shape("mask", [1, 1], [5, 5], mask="no picture"),
        shape("mask", [-1, 1], [5, 5], mask=png(np.ones((2, 2), dtype=bool))),
        shape("mask", [1, 1], [5, 5], mask=png(np.ones((100, 2), dtype=bool))),
        shape("circle", [1, 1]),
        "none",
    ]
    photos, source = read_all("labelme", write(tmp_path / "a.json", good, *bad))
    assert len(photos["a.jpg"].regions) == 1
    assert sum(source.told.counts.values()) == len(bad)


def test_a_damaged_file_costs_itself(tmp_path):
    write(tmp_path / "b.json", shape("rectangle", [1, 1], [9, 9]), image="b.jpg")
    (tmp_path / "a.json").write_text('{"version": "5", "shapes": [')
    (tmp_path / "settings.json").write_text('{"model": "tiny"}')
    photos, source = read_all("labelme", tmp_path)
    assert list(photos) == ["b.jpg"]
    assert source.told.counts == {"left out: files that cannot be read": 1}
    with pytest.raises(DataError, match="could not read it"):
        read_all("labelme", tmp_path / "a.json")


def test_a_size_that_the_file_lacks_is_the_photos(tmp_path):
    path = write(tmp_path / "a.json", shape("rectangle", [1, 1], [9, 9]), size=None)
    assert read_all("labelme", path, size=(6, 8))[0]["a.jpg"].size == (6, 8)
    photos, source = read_all("labelme", path)
    assert (photos, len(source.told.counts)) == ({}, 1)


def test_files_are_known_by_their_beginning(tmp_path):
    inner = write(tmp_path / "set/day/a.json", shape("rectangle", [1, 1], [9, 9]))
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": [], "categories": []}')
    (tmp_path / "empty").mkdir()
    looks_like = READERS["labelme"].looks_like
    assert [looks_like(path) for path in (inner, inner.parent, tmp_path / "set")] == [True] * 3
    assert [looks_like(tmp_path / name) for name in ("coco.json", "empty", "none")] == [False] * 3

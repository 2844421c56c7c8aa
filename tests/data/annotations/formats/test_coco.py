"""COCO's files against pycocotools and by hand: holes, crowds, every kind of code and of id."""

import json

import numpy as np
import pytest
from annotation_toys import masks_by_label, read_all

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of pycocotools
SQUARE = [10, 10, 30, 10, 30, 40, 10, 40]


def write(path, annotations, images=None, categories=None):
    content = {
        "annotations": annotations,  # before the photos, as our own exports have them
        "images": images or [{"id": 1, "file_name": "a.jpg", "height": 60, "width": 80}],
        "categories": categories or [{"id": 7, "name": "cat"}, {"id": 90, "name": "dog"}],
    }
    path.write_text(json.dumps(content))
    return path


def one(**more):
    return {"id": 1, "image_id": 1, "category_id": 7, **more}


def test_polygons_and_codes_are_those_of_pycocotools(tmp_path):
    masks = pytest.importorskip("pycocotools.mask", reason="the export extra is not installed")
    ring = np.random.default_rng(0).uniform(0, 1, (9, 2)) * [80, 60]
    code = masks.frPyObjects([ring.reshape(-1).tolist()], 60, 80)[0]
    expected = masks.decode(code).astype(bool)
    plain = masks.frPyObjects({"size": [60, 80], "counts": runs(expected)}, 60, 80)
    assert (masks.decode(plain) == expected).all()
    forms = [
        [ring.reshape(-1).tolist()],
        {"size": [60, 80], "counts": code["counts"].decode()},
        {"size": [60, 80], "counts": runs(expected)},
    ]
    for form in forms:
        photos, source = read_all("coco", write(tmp_path / "a.json", [one(segmentation=form, iscrowd=1)]))
        (region,) = photos["a.jpg"].regions
        np.testing.assert_array_equal(region.mask((60, 80)), expected)
        assert (region.label, region.crowd, region.is_box) == ("cat", True, False)
        assert not source.told.counts


def runs(mask):
    """Run lengths down the columns, by hand."""
    lengths, value = [0], False
    for cell in mask.T.reshape(-1).tolist():
        if cell != value:
            lengths.append(0)
            value = cell
        lengths[-1] += 1
    return lengths


def test_two_polygons_of_one_annotation_are_one_region(tmp_path):
    drawn = [SQUARE, [50, 10, 60, 10, 60, 20, 50, 20]]
    photos, _ = read_all("coco", write(tmp_path / "a.json", [one(segmentation=drawn)]))
    (region,) = photos["a.jpg"].regions
    assert region.mask((60, 80)).sum() == 20 * 30 + 10 * 10
    assert region.box == (10, 10, 60, 40)


def test_boxes_alone_stay_boxes(tmp_path):
    photos, _ = read_all("coco", write(tmp_path / "a.json", [one(bbox=[1.5, 2, 10, 20.25], segmentation=[])]))
    (region,) = photos["a.jpg"].regions
    assert (region.box, region.code, region.is_box) == ((1.5, 2, 11.5, 22.25), None, True)


def test_ids_are_numbers_or_texts_with_gaps_and_names_may_repeat(tmp_path):
    images = [
        {"id": "x-1", "file_name": 'day 1/a, "b".jpg', "height": 60, "width": 80},
        {"id": 5, "file_name": "写真.jpg", "height": 60, "width": 80},
    ]
    categories = [{"id": "c", "name": "cat"}, {"id": 1000, "name": "dog"}, {"id": 3, "name": "cat"}]
    rows = [
        {"id": "r", "image_id": "x-1", "category_id": "c", "bbox": [0, 0, 1, 1]},
        {"image_id": 5.0, "category_id": 3, "bbox": [0, 0, 1, 1]},
        {"image_id": 5, "category_id": 1000, "bbox": [0, 0, 1, 1]},
    ]
    photos, source = read_all("coco", write(tmp_path / "a.json", rows, images, categories))
    assert photos['day 1/a, "b".jpg'].labels == ("cat",)
    assert photos["写真.jpg"].labels == ("cat", "dog")
    assert tuple(source.names) == ("cat", "dog")
    assert source.told.counts == {"joined: categories of the same name": 1}


def test_a_photo_without_annotations_is_a_photo_with_nothing_in_it(tmp_path):
    photos, source = read_all("coco", write(tmp_path / "a.json", []))
    assert photos["a.jpg"].labels == ()
    assert photos["a.jpg"].said_by == "person"
    assert tuple(source.names) == ("cat", "dog")


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"segmentation": [[1, 1, 5, 5]]}, "fewer than three", "got 2"),
        ({"segmentation": [[1, 1, 5, 5, 9]]}, "damaged", "in turns, got 5"),
        ({"segmentation": [[1, 1, 5, "x", 9, 9]]}, "damaged", "could not convert"),
        ({"segmentation": {"size": [60, 80], "counts": [1, 2]}}, "damaged", "got a sum of 3"),
        ({"segmentation": {"size": [60, 80], "counts": [4801, -1]}}, "damaged", "non-negative"),
        ({"segmentation": {"size": [60, 80], "counts": "~~"}}, "damaged", "byte 126"),
        ({"segmentation": {"size": [50, 80], "counts": [4000]}}, "damaged", "50 x 80 pixels, its photo has 60 x 80"),
        ({"segmentation": {"size": [10**6, 10**6], "counts": [1]}}, "damaged", "1000000 x 1000000"),
        ({"segmentation": {"size": [60, 80], "counts": [4800]}}, "without a pixel", "cat"),
        ({"bbox": [1, 1, 0, 5]}, "damaged", "a box of 0.0 x 5.0"),
        ({}, "damaged", "bbox"),
        ({"category_id": 8, "bbox": [1, 1, 5, 5]}, "unknown category", "8"),
        ({"category_id": None, "bbox": [1, 1, 5, 5]}, "unknown category", "None"),
        ({"category_id": [1], "bbox": [1, 1, 5, 5]}, "unknown category", "[1]"),
        ({"image_id": 2, "bbox": [1, 1, 5, 5]}, "a photo that the file does not have", "image 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_costs_itself_and_is_told(tmp_path, row, reason, detail):
    rows = [one(**row), one(bbox=[0, 0, 5, 5])]
    photos, source = read_all("coco", write(tmp_path / "a.json", rows))
    assert len(photos["a.jpg"].regions) == 1, "the good one stays"
    (line,) = source.told.lines()
    assert reason in line
    assert detail in line


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"images": []}', '{"images": [{"id": 1}]}', '{"images": [1], "annotations": [2]}',
     '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": null}]}',
     '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_one_line(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"a\.json: expected COCO's"):
        read_all("coco", path)


def test_only_coco_looks_like_coco(tmp_path):
    assert READERS["coco"].looks_like(write(tmp_path / "a.json", []))
    (tmp_path / "b.json").write_text('[{"data": {}}]')
    assert not READERS["coco"].looks_like(tmp_path / "b.json")
    assert not READERS["coco"].looks_like(tmp_path)
    assert not masks_by_label(read_all("coco", tmp_path / "a.json")[0]["a.jpg"])


def test_a_category_without_a_name_is_unknown_and_not_void(tmp_path):
    """An empty label means pixels that are not counted: nobody said that."""
    names = [{"id": 7, "name": ""}, {"id": 90, "name": "dog"}]
    rows = [one(segmentation=[SQUARE]), one(category_id=90, segmentation=[SQUARE])]
    photos, source = read_all("coco", write(tmp_path / "a.json", rows, categories=names))
    assert [region.label for region in photos["a.jpg"].regions] == ["dog"]
    assert list(source.told.counts.values()) == [1]
    assert list(source.names) == ["dog"]

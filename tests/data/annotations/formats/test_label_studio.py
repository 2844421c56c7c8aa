"""Label Studio's exports, full and JSON-MIN: every shape, whose word counts, and what our own file says.

Holds ``data/annotations/label_studio_results.py``.
"""

import json

import numpy as np
import pytest
from annotation_toys import read_all

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError
from tagalign.export.label_studio import brush_rle

SIDES = {"original_width": 80, "original_height": 60, "image_rotation": 0}
SQUARE = {"points": [[12.5, 50], [37.5, 50], [37.5, 100], [12.5, 100]], "closed": True}


def result(kind, value, **more):
    return {"id": "r", "type": kind, "from_name": "x", "to_name": "image", **SIDES, "value": value, **more}


def task(*results, image="/data/upload/3/0a1b2c3d-a.jpg", **more):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": list(results)}], **more}


def read(tmp_path, *tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    photos, source = read_all("label-studio", path)
    return list(photos.values()), source


def region(tmp_path, *results):
    (photo,), source = read(tmp_path, task(*results))
    assert not source.told.counts
    (found,) = photo.regions
    return found


def test_polygons_are_per_cent_of_the_photo(tmp_path):
    found = region(tmp_path, result("polygonlabels", SQUARE | {"polygonlabels": ["cat"]}))
    expected = np.zeros((60, 80), dtype=bool)
    expected[30:60, 10:30] = True
    np.testing.assert_array_equal(found.mask((60, 80)), expected)


def test_brush_strokes_are_what_is_not_transparent(tmp_path):
    mask = np.random.default_rng(0).random((60, 80)) > 0.7
    value = {"format": "rle", "rle": brush_rle(mask), "brushlabels": ["cat"]}
    np.testing.assert_array_equal(region(tmp_path, result("brushlabels", value)).mask((60, 80)), mask)


def test_runs_of_single_values_are_read_too():
    """Label Studio's own page packs noise as values one by one, which our writer never does."""
    from tagalign.data.annotations.shapes import mask_of_brush

    values = [0, 0, 0, 255, 9, 9, 9, 0]  # two pixels
    bits = (
        f"{8:032b}{7:05b}{0b0010:04b}{3:04b}{7:04b}{15:04b}"
        + f"0{0b01:02b}{7:04b}"
        + "".join(f"{v:08b}" for v in values)
    )
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert mask_of_brush(code, (1, 2)).tolist() == [[True, False]]


def test_rectangles_are_turned_around_their_upper_left_corner(tmp_path):
    value = {"x": 25, "y": 50, "width": 25, "height": 10, "rectanglelabels": ["cat"]}
    flat = region(tmp_path, result("rectanglelabels", value | {"rotation": 0}))
    assert (flat.box, flat.is_box, flat.code) == ((20, 30, 40, 36), True, None)
    turned = region(tmp_path, result("rectanglelabels", value | {"rotation": 90}))
    np.testing.assert_allclose(turned.box, (14, 30, 20, 50), atol=1e-9)  # float64 of a cosine
    assert turned.mask((60, 80))[30:50, 14:20].all()


def test_ellipses_are_per_cent_of_both_sides(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 25, "radiusY": 10, "rotation": 0, "ellipselabels": ["cat"]}
    mask = region(tmp_path, result("ellipselabels", value)).mask((60, 80))
    assert abs(mask.sum() - np.pi * 20 * 6) < 12  # a pixel along the outline here and there
    assert mask[30, 21:59].all()


def test_a_shape_and_its_label_may_be_two_results(tmp_path):
    value = {"x": 25, "y": 50, "width": 25, "height": 10}
    found = region(tmp_path, result("rectangle", value), result("labels", value | {"labels": ["cat"]}))
    assert (found.label, found.box) == ("cat", (20, 30, 40, 36))


def test_choices_and_taxonomies_are_tags(tmp_path):
    (photo,), source = read(
        tmp_path,
        task(
            result("choices", {"choices": ["cat", "犬, small"]}),
            result("taxonomy", {"taxonomy": [["animal", "bird"], ["plant"]]}),
        ),
    )
    assert photo.tags == ("cat", "犬, small", "bird", "plant")
    assert photo.size is None
    assert tuple(source.names) == photo.tags


def test_what_a_model_said_before_is_known(tmp_path):
    suggestion = {
        "result": [result("choices", {"choices": ["cat", "dog"]}), result("brushlabels", {"rle": [1]})]
    }
    (photo,), source = read(
        tmp_path, task(result("choices", {"choices": ["cat"]}), predictions=[suggestion, 17])
    )
    assert (photo.tags, photo.given, photo.said_by) == (("cat",), ("cat", "dog"), "person")
    assert not source.told.counts, "faults of suggestions that were judged matter to nobody"


def test_the_ground_truth_counts_then_the_last_and_never_a_cancelled_one(tmp_path):
    def said(tag, day, **more):
        return {"result": [result("choices", {"choices": [tag]})], "updated_at": f"2026-01-0{day}", **more}

    several = [said("first", 1), said("last", 3), said("cancelled", 4, was_cancelled=True), said("middle", 2)]
    (photo,), source = read(tmp_path, task(annotations=several))
    assert photo.tags == ("last",)
    assert "several annotations" in next(iter(source.told.lines()))
    (photo,), _ = read(tmp_path, task(annotations=[*several, said("truth", 1, ground_truth=True)]))
    assert photo.tags == ("truth",)
    (photo,), _ = read(tmp_path, task(annotations=[said("x", 1, was_cancelled=True)]))
    assert (photo.tags, photo.said_by) == ((), "nobody")
    (photo,), _ = read(tmp_path, task(annotations=[{"result": []}]))
    assert (photo.labels, photo.said_by) == ((), "person"), "nothing is there, says a person"


def test_tasks_that_nobody_judged_hold_the_words_of_the_model(tmp_path):
    (photo,), _ = read(
        tmp_path, task(annotations=[], predictions=[{"result": [result("choices", {"choices": ["dog"]})]}])
    )
    assert (photo.tags, photo.said_by) == (("dog",), "model")


def test_json_min_is_flat(tmp_path):
    flat = {
        "id": 3, "annotator": 1, "lead_time": 2.5, "created_at": "2026", "image": "s3://bucket/a%20b.jpg",
        "kind": "outside", "what": {"choices": ["cat", "dog"]},
        "box": [{"x": 25, "y": 50, "width": 25, "height": 10, "rotation": 0, "rectanglelabels": ["car"], **SIDES}],
        "area": [SQUARE | {"polygonlabels": ["tree"], **SIDES}],
    }  # fmt: skip
    (photo,), source = read(tmp_path, flat)
    assert photo.name == "s3://bucket/a%20b.jpg"
    assert photo.tags == ("outside", "cat", "dog")
    assert [(one.label, one.is_box) for one in photo.regions] == [("car", True), ("tree", False)]
    assert photo.size == (60, 80)
    assert not source.told.counts


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (result("polygonlabels", {"points": [[1, 1], [2, 2]], "polygonlabels": ["cat"]}), "fewer than three"),
        (result("polygonlabels", {"points": [[1], [2, 2]], "polygonlabels": ["cat"]}), "damaged"),
        (result("polygonlabels", SQUARE), "regions without a label"),
        (result("polygonlabels", SQUARE | {"polygonlabels": ["cat"]}, original_width=None), "damaged"),
        (result("polygonlabels", SQUARE | {"polygonlabels": ["cat"]}, image_rotation=90), "turned by 90 degrees"),
        (result("brushlabels", {"format": "rle", "rle": [0, 0, 1], "brushlabels": ["cat"]}), "ends in the middle"),
        (result("brushlabels", {"rle": [0, 0, 1, 0] + [0] * 9, "brushlabels": ["cat"]}), "holds 256 values"),
        (result("brushlabels", {"rle": [999], "brushlabels": ["cat"]}), "the bytes of a brush"),
        (result("brushlabels", {"rle": "x", "brushlabels": ["cat"]}), "the bytes of a brush"),
        (result("brushlabels", {"format": "png", "rle": "x", "brushlabels": ["cat"]}), "format 'png'"),
        (result("keypointlabels", {"x": 1, "y": 2, "width": 1, "keypointlabels": ["cat"]}), "shapes that are no region"),
        (result("textarea", {"text": ["nice"]}), "shapes that are no region"),
        (result("rectanglelabels", {"x": 1, "y": 2, "width": 0, "height": 2, "rectanglelabels": ["a"]}), "a box of 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_costs_itself_and_is_told(tmp_path, row, reason):
    good = result("polygonlabels", SQUARE | {"polygonlabels": ["cat"]}, id="good")
    (photo,), source = read(tmp_path, task(row, good))
    assert len(photo.regions) == 1
    (line,) = source.told.lines()
    assert reason in line


def test_tasks_without_a_picture_are_told(tmp_path):
    photos, source = read(
        tmp_path, {"id": 9, "data": {"text": "hello"}, "annotations": []}, {"id": 1, "rating": 5}
    )
    assert not photos
    assert "tasks without a picture: 2 (task 9" in next(iter(source.told.lines()))


def test_data_that_are_none_and_several_pictures_are_told(tmp_path):
    several = {"id": 4, "data": {"images": ["a.jpg", "b.jpg"]}, "annotations": []}
    photos, source = read(tmp_path, {"id": 9, "data": None}, {"id": 8, "data": 3}, several)
    assert not photos
    assert list(source.told.lines()) == [
        "left out: tasks without a picture: 2 (task 9: data is a NoneType, task 8: data is a int)",
        "left out: tasks with several pictures; make a task of each photo: 1 (task 4)",
    ]


def test_ids_of_results_may_be_anything(tmp_path):
    shape = result("polygon", SQUARE, id=["x"])
    label = result("labels", SQUARE | {"labels": ["cat"]}, id=["x"])
    (photo,), source = read(tmp_path, task(shape, label))
    assert [one.label for one in photo.regions] == ["cat"]
    assert not source.told.counts


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, {"value": None}, {"value": [1]}, {"type": "relation"}])
def test_a_result_without_a_value_costs_itself_and_is_told(tmp_path, odd):
    good = result("polygonlabels", SQUARE | {"polygonlabels": ["cat"]})
    (photo,), source = read(tmp_path, task(odd, good))
    assert [one.label for one in photo.regions] == ["cat"]
    assert list(source.told.counts.values()) == [1]


@pytest.mark.parametrize("side", ["x", "radiusX", "rotation"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e308])
def test_numbers_without_an_end_are_damage_and_no_warning(tmp_path, side, number):
    """Here a warning is an error; on a terminal it would be a line that nobody understands."""
    value = {"x": 30, "y": 30, "radiusX": 10, "radiusY": 5, "rotation": 10, "ellipselabels": ["cat"]}
    (photo,), source = read(tmp_path, task(result("ellipselabels", value | {side: number})))
    assert len(photo.regions) + sum(source.told.counts.values()) == 1


@pytest.mark.parametrize("odd", [3, "x", {"a": 1}, [3], ["x"], [{"result": "x"}], [{"result": {"a": 1}}]])
def test_annotations_that_are_none_say_no_to_no_label(tmp_path, odd):
    """Read as an empty annotation they would be a person who saw none of the labels."""
    photos, source = read(tmp_path, {"id": 1, "data": {"image": "a.jpg"}, "annotations": odd})
    assert not [photo for photo in photos if photo.said_by == "person"]
    (line,) = source.told.lines()
    assert "damaged regions: 1" in line


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"data": {"image": "a.jpg"}}', "[" * 100_000])
def test_a_damaged_file_is_one_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="expected a list of Label Studio's tasks"):
        read_all("label-studio", tmp_path / "a.json")


def test_what_looks_like_label_studio(tmp_path):
    (tmp_path / "a.json").write_text('[{"data": {}}]')
    assert READERS["label-studio"].looks_like(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"images": []}')
    assert not READERS["label-studio"].looks_like(tmp_path / "a.json")
    assert not READERS["label-studio"].looks_like(tmp_path)


def test_a_region_of_an_empty_label_has_none(tmp_path):
    rows = [result("polygonlabels", SQUARE | {"polygonlabels": [label]}, id=label) for label in ("", "cat")]
    (photo,), source = read(tmp_path, task(*rows))
    assert [one.label for one in photo.regions] == ["cat"]
    assert list(source.told.counts.values()) == [1]

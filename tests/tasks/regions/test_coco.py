"""Regions of COCO's JSON in every form, against masks that pycocotools wrote; and what is refused by its place."""

import json

import numpy as np
import pytest
from pycocotools import mask as theirs

from tagalign.errors import DataError
from tagalign.tasks.regions.coco import CocoPhoto, read_coco, regions_of_photo, tails

SIZE = (5, 7)
MASKS = np.random.default_rng(0).random((3, *SIZE)) < 0.4


def packed(mask):
    code = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(SIZE), "counts": code["counts"].decode()}


def plain(mask):
    runs = [0]
    for inside in mask.T.ravel():
        if inside != (len(runs) % 2 == 0):
            runs.append(0)
        runs[-1] += 1
    return {"size": list(SIZE), "counts": runs}


def read(tmp_path, values):
    path = tmp_path / "masks.json"
    path.write_text(json.dumps(values))
    return read_coco(path)


def masks_of(annotations, size=SIZE):
    regions = regions_of_photo(CocoPhoto(annotations=annotations), size, "a.jpg")
    return [regions.mask(i).numpy() for i in range(len(regions))]


@pytest.mark.parametrize("form", [packed, plain, lambda mask: {"segmentation": packed(mask)}])
def test_run_length_code_of_both_forms(form):
    np.testing.assert_array_equal(masks_of([form(mask) for mask in MASKS]), MASKS)


def test_polygons_are_filled_at_the_size_of_the_photo():
    (found,) = masks_of([{"segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]}])
    wanted = np.zeros(SIZE, dtype=bool)
    wanted[1:3, 1:4] = True
    np.testing.assert_array_equal(found, wanted)


def test_crowds_are_left_out_and_noted():
    photo = CocoPhoto(annotations=[packed(MASKS[0]), {"segmentation": packed(MASKS[1]), "iscrowd": 1}])
    found = regions_of_photo(photo, SIZE, "a.jpg")
    assert (len(found), found.notes) == (1, ("1 regions of crowds were left out",))


def test_a_file_of_several_photos(tmp_path):
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 5, "width": 7} for i in (4, 9)]
    rows = [{"image_id": i, "segmentation": packed(mask)} for i, mask in zip((9, 4, 9), MASKS, strict=True)]
    first, second = read(tmp_path, {"images": images, "annotations": rows})
    assert (first.file_name, first.size, len(first.annotations), len(second.annotations)) == (
        "4.jpg",
        SIZE,
        1,
        2,
    )
    np.testing.assert_array_equal(regions_of_photo(second, (1, 1), "x").mask(1), MASKS[2])


@pytest.mark.parametrize("values", [[packed(MASKS[0])], {"annotations": [packed(MASKS[0])]}])
def test_files_of_one_photo_without_a_name(tmp_path, values):
    (photo,) = read(tmp_path, values)
    assert (photo.file_name, len(photo.annotations)) == (None, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"masks": []}, "a list 'annotations'"),
        ([{"image_id": 1}, {"image_id": 2}], "masks of 2 photos"),
        ({"images": [{"id": 1}], "annotations": []}, "expected images with id"),
        ({"images": [], "annotations": [{"image_id": 5}]}, "belongs to no image"),
    ],
)
def test_files_that_cannot_be_joined_are_refused(tmp_path, values, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, values)


@pytest.mark.parametrize(
    "wrong",
    [
        5, {"size": [0, 7], "counts": []}, {"size": [5, 7], "counts": [3]}, {"size": [5, 7], "counts": [-1, 36]},
        {"segmentation": [[1, 1, 2, 2]]}, {"segmentation": [[1, 1, 2, 2, float("inf"), 3]]}, {"counts": [35]},
    ],
)  # fmt: skip
def test_a_mask_that_cannot_be_used_is_named_by_its_place(wrong):
    with pytest.raises(DataError, match="mask 1 cannot be used"):
        masks_of([packed(MASKS[0]), wrong])


def test_masks_of_two_sizes_are_refused():
    other = {"size": [7, 5], "counts": [35]}
    with pytest.raises(DataError, match="must have one size, got 5 x 7 and 7 x 5"):
        masks_of([packed(MASKS[0]), other])


def test_tails_of_a_path_begin_with_the_longest():
    assert list(tails(("a", "b", "c.jpg"))) == ["a/b/c.jpg", "b/c.jpg", "c.jpg"]
    assert list(tails(("..", "b", "c.jpg"))) == ["b/c.jpg", "c.jpg"]

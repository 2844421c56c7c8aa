"""Annotations as a folder of our own: what ``evaluate`` and ``train`` read back is what was drawn.

Holds ``data/annotations/targets/painting.py``, ``data/benchmarks/own.py``.
"""

import dataclasses

import numpy as np
import pytest
from annotation_toys import save_photos
from PIL import Image

from tagalign.data.annotations.laid import LaidPhoto
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.records import VOID, Marked, MarkedPhoto, region_of
from tagalign.data.annotations.targets.own_folder import write_own_folder
from tagalign.data.annotations.targets.painting import painted
from tagalign.data.annotations.turning import upright
from tagalign.data.benchmarks import open_benchmark
from tagalign.data.benchmarks.check import check_benchmark
from tagalign.data.trusty.sources import own_masks
from tagalign.errors import DataError, InputError
from tagalign.tags.label_sets import load_label_set


def square(left, top, right, bottom, label, **about):
    mask = np.zeros((60, 80), dtype=bool)
    mask[top:bottom, left:right] = True
    return region_of(mask, label, **about)


def marked(*regions, **more):
    return MarkedPhoto(name="x", size=(60, 80), regions=regions, **more)


IDS = {"cat": 1, "dog": 2}


def paint(*regions):
    return painted(marked(*regions), IDS, empty=0, ignore=255)


def test_smaller_regions_lie_on_larger_ones_unless_an_order_is_given():
    large, small = square(0, 0, 40, 40, "cat"), square(10, 10, 20, 20, "dog")
    for regions in ((large, small), (small, large)):
        assert paint(*regions)[15, 15] == 2
    assert paint(dataclasses.replace(large, order=1), small)[15, 15] == 1


def test_enclosed_masks_holes_and_islands_stay():
    ring, inner = square(0, 0, 30, 30, "cat").mask((60, 80)), square(10, 10, 20, 20, "dog")
    ring[10:20, 10:20] = False
    ring[14:16, 14:16] = True  # an island of the cat in the dog
    found = paint(region_of(ring, "cat"), inner)
    assert [found[0, 0], found[12, 12], found[14, 14], found[40, 40]] == [1, 2, 2, 0], (
        "the smaller one is on top"
    )


def test_crowds_void_and_rectangles_are_not_counted_where_nothing_else_is():
    box = Marked(label="cat", box=(49.5, 10.0, 60.0, 20.5), is_box=True)
    found = paint(
        square(0, 0, 10, 10, "cat", crowd=True), square(5, 0, 10, 10, "dog"), box, square(70, 0, 80, 9, VOID)
    )
    assert (found[0, 0], found[0, 7], found[15, 55], found[20, 49], found[15, 48], found[0, 75]) == (
        255,
        2,
        255,
        255,
        0,
        255,
    )


LABELS = load_label_set(["cat", "dog"])


@pytest.fixture
def laid(tmp_path):
    save_photos(tmp_path / "in", "a.jpg", "day/a.png", "none.jpg", "skipped.jpg")
    save_photos(tmp_path / "in", "turned.JPG", size=(80, 60), orientation=6)
    photos = PhotoFolder(tmp_path / "in")
    return [
        LaidPhoto(photo=photos.find("in/a.jpg"), marked=marked(square(0, 0, 40, 30, "cat"))),
        LaidPhoto(
            photo=photos.find("day/a.png"),
            marked=marked(square(0, 0, 9, 9, "dog", crowd=True), tags=("dog",)),
        ),
        LaidPhoto(photo=photos.find("none.jpg"), marked=marked()),
        LaidPhoto(photo=photos.find("skipped.jpg"), marked=marked(said_by="nobody")),
        LaidPhoto(photo=photos.find("turned.JPG"), marked=marked(square(0, 0, 10, 20, "dog"))),
    ]


def test_the_benchmark_is_what_was_drawn(laid, tmp_path):
    found = write_own_folder(laid, LABELS, tmp_path / "out", "benchmark")
    assert (found.photos, found.masks) == (4, 2)
    data, masked = open_benchmark("own", tmp_path / "out"), open_benchmark("own-labels", tmp_path / "out")
    assert data.class_names == ("background", "cat", "dog")
    assert [data.key(i) for i in range(4)] == ["a", "day__a", "none", "turned"]
    assert (data.target(0)[:30, :40] == 1).all()
    assert (data.target(0) == 1).sum() == 1200
    assert np.unique(data.target(1)).tolist() == [0, 255], "a crowd is not counted"
    assert not data.target(2).any()
    assert np.unique(masked.target(0)).tolist() == [0, 255]
    assert masked.class_names == ("cat", "dog")
    # the mask lies on the pixels as they are stored, as the benchmark opens its photos
    assert data.image(3).size == (60, 80)
    np.testing.assert_array_equal(upright(data.target(3) == 2, 6), laid[4].marked.regions[0].mask((60, 80)))
    tags, boxes = open_benchmark("own-tags", tmp_path / "out"), open_benchmark("own-boxes", tmp_path / "out")
    assert [tags.truth(i).tolist() for i in range(4)] == [[1, 0], [0, 1], [0, 0], [0, 1]]
    truth = boxes.truth(1)
    assert (truth.boxes.tolist(), truth.labels.tolist(), truth.crowd.tolist()) == (
        [[0, 0, 9, 9]],
        [1],
        [True],
    )
    assert boxes.truth(2).boxes.shape == (0, 4)
    assert all(
        check.complete for name in ("own", "own-tags") for check in check_benchmark(name, tmp_path / "out")
    )


def test_masks_to_train_on_count_from_zero_and_promise_nothing_of_the_rest(laid, tmp_path):
    write_own_folder(laid, LABELS, tmp_path / "out", "training")
    data = own_masks(
        tmp_path / "out/photos", tmp_path / "out/masks", load_label_set(tmp_path / "out/labels.json")
    )
    assert len(data) == 4, "photos of every ending"
    assert np.unique(data.target(0)).tolist() == [0, 255]
    assert np.unique(data.target(2)).tolist() == [255]
    with pytest.raises(DataError, match=r"its masks are for training; .* --into benchmark"):
        open_benchmark("own", tmp_path / "out")


def test_more_labels_than_a_byte_holds(laid, tmp_path):
    names = [*(f"label {i}" for i in range(300)), "cat", "dog"]
    write_own_folder(laid, load_label_set(names), tmp_path / "out", "benchmark")
    data = open_benchmark("own", tmp_path / "out")
    assert (data.ignore, int(data.target(0).max()), int(data.target(1).max())) == (65535, 301, 65535)
    with Image.open(tmp_path / "out/masks/a.png") as mask:
        assert mask.mode == "I;16"


def test_an_interrupted_import_is_refused_and_made_whole_by_the_same_call(laid, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as broken:
        broken.setattr("tagalign.data.annotations.targets.own_folder._save", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_own_folder(laid, LABELS, out, "benchmark", mark="m")
    with pytest.raises(DataError, match="was interrupted"):
        open_benchmark("own", out)
    with pytest.raises(InputError, match="holds something else"):
        write_own_folder(laid, LABELS, out, "benchmark", mark="other")
    for _ in range(2):
        write_own_folder(laid, LABELS, out, "benchmark", mark="m")
        assert len(open_benchmark("own", out)) == 4


def raise_interrupt(*_):
    raise KeyboardInterrupt


def test_folders_of_others_are_left_alone(laid, tmp_path):
    (tmp_path / "in/notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        write_own_folder(laid, LABELS, tmp_path / "in", "benchmark")
    with pytest.raises(InputError, match="is a file"):
        write_own_folder(laid, LABELS, tmp_path / "in/notes.txt", "benchmark")
    with pytest.raises(DataError, match="expected a folder that tagalign import annotations"):
        open_benchmark("own", tmp_path / "in")
    with pytest.raises(DataError, match="no label is left"):
        write_own_folder(laid, load_label_set(["background"]), tmp_path / "out", "benchmark")

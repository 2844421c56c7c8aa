"""Drawn copies are read by the readers of the real data, and never taken for them.

Holds ``data/rehearsal/request.py``, ``data/rehearsal/writers/files.py``, ``data/rehearsal/writers/voc.py``,
``data/rehearsal/writers/coco.py``, ``data/rehearsal/writers/folders.py``, ``data/rehearsal/writers/tags.py``,
``data/rehearsal/writers/referring.py``, ``data/rehearsal/writers/sentences.py``,
``data/rehearsal/writers/questions.py``, ``data/benchmarks/drawn.py``.
"""

import hashlib
import json

import numpy as np
import pytest

from tagalign.data.benchmarks.catalog import BENCHMARKS, open_benchmark
from tagalign.data.benchmarks.check import check_benchmark
from tagalign.data.benchmarks.drawn import MARK_FILE, drawn_copy_of
from tagalign.data.rehearsal import write_copy
from tagalign.data.rehearsal.writers import images_of_split
from tagalign.errors import DataError, InputError, UnknownNameError

ON_DISK = [name for name, benchmark in BENCHMARKS.items() if benchmark.layout not in {"tiny-world", "own"}]
IMAGES = 3


@pytest.mark.parametrize("name", ON_DISK)
def test_every_copy_is_whole_to_the_reader_of_the_real_data(name, tmp_path):
    copy = write_copy(name, tmp_path, images=IMAGES)
    check = next(check for check in check_benchmark(name, tmp_path) if check.split == copy.split)
    assert (check.problem, check.missing, check.found, check.complete) == (None, (), copy.units, True)
    data = open_benchmark(name, tmp_path)
    assert (len(data), data.expected) == (IMAGES, copy.units)
    assert {data.image(i).size for i in range(IMAGES)} == {data.image(0).size}  # the fourth stands upright
    if hasattr(data, "target"):
        classes = set().union(*(np.unique(data.target(i)).tolist() for i in range(IMAGES)))
        assert classes <= {*range(len(data.class_names)), data.ignore}
        assert len(classes - {data.ignore}) > 1


@pytest.mark.parametrize("split", ["trainval", "train_aug"])
def test_other_splits_have_their_own_lists(split, tmp_path):
    write_copy("voc21", tmp_path, split=split, images=2)
    assert len(open_benchmark("voc21", tmp_path, split)) == 2
    with pytest.raises(DataError, match=r"val\.txt"):
        open_benchmark("voc21", tmp_path, "val")


def test_masks_and_lists_agree_with_the_shapes(tmp_path):
    """VOC 2012 tags are read from the masks: each shape that is not wholly covered is a tag."""
    write_copy("voc2012-tags", tmp_path, images=40)
    rows = np.stack([open_benchmark("voc2012-tags", tmp_path).truth(i) for i in range(40)])
    assert rows.any(axis=0).all(), "the first shapes go round all twenty classes"
    assert set(rows.sum(axis=1).tolist()) <= {1, 2, 3}


def test_pictures_without_annotation_are_not_tagged(tmp_path):
    """48 of COCO's 5,000 have none, so a copy of 200 has 2 beside."""
    write_copy("coco2017-tags", tmp_path, images=200)
    assert len(list((tmp_path / "val2017").iterdir())) == 202
    assert len(open_benchmark("coco2017-tags", tmp_path)) == 200


def test_areas_are_those_of_the_official_tools(tmp_path):
    masks = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed (extra 'export')")
    write_copy("coco-boxes", tmp_path, images=3)
    content = json.loads((tmp_path / "annotations/instances_val2017.json").read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for one in content["annotations"]:
        if not one["iscrowd"]:
            drawn = masks.area(masks.merge(masks.frPyObjects(one["segmentation"], *sizes[one["image_id"]])))
            # pixels against the plane's area: at most a pixel along the outline
            outline = 2 * (one["bbox"][2] + one["bbox"][3])
            assert abs(float(drawn) - one["area"]) <= outline


def test_expressions_and_questions_come_in_the_official_proportion():
    for name in ("refcoco", "refcocog", "vqa-v2"):
        benchmark = BENCHMARKS[name]
        split = benchmark.default_split
        assert images_of_split(benchmark, split) < benchmark.splits[split]


def digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [(p.relative_to(folder), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]


def test_the_same_seed_gives_the_same_bytes_also_after_an_interruption(tmp_path):
    def stop(numbers, total):
        del total
        for number in numbers:
            if number == 2:
                raise KeyboardInterrupt
            yield number

    write_copy("coco-object", tmp_path / "whole", images=4)
    with pytest.raises(KeyboardInterrupt):
        write_copy("coco-object", tmp_path / "cut", images=4, watch=stop)
    assert drawn_copy_of(tmp_path / "cut").complete is False
    with pytest.raises(DataError, match="interrupted"):
        open_benchmark("coco-object", tmp_path / "cut")
    write_copy("coco-object", tmp_path / "cut", images=4)
    assert digest(tmp_path / "cut") == digest(tmp_path / "whole")
    write_copy("coco-object", tmp_path / "other", images=4, seed=1)
    assert digest(tmp_path / "other") != digest(tmp_path / "whole")


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_copy("voc21", tmp_path, images=1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_other_settings_want_another_folder(tmp_path):
    write_copy("voc21", tmp_path, images=1)
    with pytest.raises(InputError, match="holds a copy of voc21 val"):
        write_copy("voc21", tmp_path, images=2)


@pytest.mark.parametrize("images", [0, 1450])
def test_a_number_the_benchmark_does_not_have(images, tmp_path):
    with pytest.raises(InputError, match="1 to 1,449"):
        write_copy("voc21", tmp_path / "new", images=images)
    assert not (tmp_path / "new").exists()


def test_names_that_have_no_copy(tmp_path):
    with pytest.raises(InputError, match="needs no copy"):
        write_copy("tiny-world", tmp_path)
    with pytest.raises(UnknownNameError):
        write_copy("voc21", tmp_path, split="nothing")


def test_a_mark_that_is_no_mark_is_refused(tmp_path):
    (tmp_path / MARK_FILE).write_text("[]")
    with pytest.raises(InputError, match="mark of a drawn copy"):
        drawn_copy_of(tmp_path)

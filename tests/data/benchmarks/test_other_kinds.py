"""Loaders of tags, phrases, captions, questions and boxes on fake copies of the official files.

Holds ``data/benchmarks/captions.py``, ``data/benchmarks/questions.py``, ``data/benchmarks/referring.py``,
``data/benchmarks/tag_sets.py``, ``data/benchmarks/coco_files.py`` and ``data/benchmarks/voc.py``.
"""

import json
import pickle

import numpy as np
import pytest

from tagalign.data.benchmarks import open_benchmark
from tagalign.data.benchmarks.restricted_pickle import read_plain_pickle
from tagalign.data.benchmarks.voc import open_voc2007_tags
from tagalign.errors import DataError


def present(data, index):
    return [data.labels.names[k] for k in np.flatnonzero(data.truth(index) == 1)]


def test_voc2007_lists_with_difficult_objects(voc2007):
    data = open_benchmark("voc2007-tags", voc2007)
    person = data.labels.names.index("person")
    assert [present(data, i) for i in range(2)] == [["dog"], ["person"]]
    assert data.truth(0)[person] == -1
    as_positive = open_voc2007_tags(voc2007, "test", difficult="positive")
    assert present(as_positive, 0) == ["dog", "person"]
    assert data.expected == 4952
    everything = open_benchmark("voc2007-tags-all", voc2007)
    assert (everything.name, present(everything, 0)) == ("voc2007-tags-all", ["dog", "person"])
    assert (everything.rows >= 0).all()


def test_voc2007_list_of_another_form_names_the_line(voc2007):
    (voc2007 / "VOC2007/ImageSets/Main/dog_test.txt").write_text("000001 1\n000002 maybe\n")
    with pytest.raises(DataError, match=r"dog_test\.txt, line 2: expected an image name and 1, 0 or -1"):
        open_benchmark("voc2007-tags", voc2007)


def test_voc2012_tags_come_from_the_masks(voc2012):
    data = open_benchmark("voc2012-tags", voc2012)
    assert present(data, 0) == ["aeroplane", "tvmonitor"]
    assert present(data, 1) == ["bottle", "person"]


def test_coco_tags_leave_out_images_without_annotation(coco_json):
    data = open_benchmark("coco2017-tags", coco_json)
    assert (len(data), data.expected) == (1, 4952)
    assert present(data, 0) == ["person", "dog", "toothbrush"]


def test_openimages_text_format_keeps_unlabelled_images(openimages):
    data = open_benchmark("openimages-common", openimages)
    assert [present(data, i) for i in range(2)] == [["dog", "gas stove"], []]
    assert data.image(1).size == (8, 6)


def test_openimages_unknown_tag_names_the_line(openimages):
    path = openimages / "openimages_common_214/openimages_common_214_ram_annots.txt"
    path.write_text("000d4d4f,unicorn\n")
    with pytest.raises(DataError, match="line 1: tag 'unicorn' is not in"):
        open_benchmark("openimages-common", openimages)


@pytest.mark.parametrize(("name", "split"), [("refcoco", "testA"), ("refcocog", "val")])
def test_referring_from_pickle_and_json(refcoco, name, split):
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'export')")
    data = open_benchmark(name, refcoco, split)
    phrases = [e.phrase for i in range(len(data)) for e in data.expressions(i)]
    assert phrases == {"testA": ["left man", "man in red", "right woman"], "val": ["dog"]}[split]
    mask = data.expressions(0)[0].mask
    assert (mask.shape, int(mask.sum())) == ((6, 8), 16)
    assert data.count(0) == len(phrases)
    assert data.missing() == []


def test_references_to_objects_that_do_not_exist_are_refused(refcoco):
    path = refcoco / "refcocog/refs(umd).json"
    rows = json.loads(path.read_text())
    rows[2]["ann_id"] = 99
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError, match="names annotation 99"):
        open_benchmark("refcocog", refcoco, "val")


class Evil:
    def __reduce__(self):
        return print, ("this must never be printed",)


@pytest.mark.parametrize("content", [[Evil()], {"a": np.zeros(2)}, [range(3)]])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickle_with_a_call_is_refused_before_it_runs(tmp_path, capsys, content, protocol):
    path = tmp_path / "refs(unc).p"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(DataError, match="could run code"):
        read_plain_pickle(path)
    assert capsys.readouterr().out == ""


def test_plain_pickle_round_trip_and_damage(tmp_path):
    path = tmp_path / "plain.p"
    content = [{"a": 1, "b": [2.5, "text", None, True], "c": ("x", 10**20)}]
    for protocol in range(6):
        path.write_bytes(pickle.dumps(content, protocol=protocol))
        assert read_plain_pickle(path) == content
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"plain\.p: refused"):
        read_plain_pickle(path)
    with pytest.raises(DataError, match="missing"):
        read_plain_pickle(tmp_path / "none.p")


def test_captions_of_karpathy_flickr_coco_and_nocaps(karpathy, nocaps, coco_json):
    data = open_benchmark("coco-karpathy", karpathy)
    assert (len(data), data.references(0)) == (2, ("A man on a road.", "A dog on a road."))
    assert (data.image(0).size, data.missing()) == ((8, 6), [])
    assert len(open_benchmark("coco-karpathy", karpathy, "restval")) == 1
    assert open_benchmark("flickr30k", karpathy).references(1) == ("A man.",)
    novel = open_benchmark("nocaps", nocaps)
    assert [novel.domain(i) for i in range(2)] == ["in", "out"]
    assert novel.references(1) == ("caption 1", "caption 3")
    assert len(open_benchmark("coco-captions", coco_json).references(0)) == 5


def test_vqa_joins_questions_and_answers(vqa):
    data = open_benchmark("vqa-v2", vqa)
    assert (len(data), data.count(0), data.unit) == (2, 2, "questions")
    question = data.questions(1)[0]
    assert (question.id, question.text, question.answers) == ("393225000", "What is it?", ("down",) * 10)
    assert data.missing() == []


def test_boxes_are_xyxy_with_crowds_marked(coco_json):
    truth = open_benchmark("coco-boxes", coco_json).truth(0)
    assert truth.boxes[0].tolist() == [1, 1, 5, 5]
    assert truth.labels.tolist() == [0, 79, 16]
    assert truth.crowd.tolist() == [False, False, True]
    assert open_benchmark("coco-boxes", coco_json).truth(1).boxes.shape == (0, 4)


def test_image_names_cannot_leave_the_folder(coco_json):
    path = coco_json / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = "../../secret.jpg"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="leads out of its folder"):
        open_benchmark("coco-boxes", coco_json).missing()


@pytest.mark.parametrize("text", ["", "[]", '{"images": 3}', '{"images": [], "annotations": [{}]}'])
def test_wrong_annotation_file_is_refused(coco_json, text):
    (coco_json / "annotations/instances_val2017.json").write_text(text)
    with pytest.raises(DataError, match=r"instances_val2017\.json"):
        open_benchmark("coco-boxes", coco_json)

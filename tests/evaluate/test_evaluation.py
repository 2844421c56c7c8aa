"""Whole evaluations on a toy benchmark: perfect is 100, wrong is what it must be, stopped and resumed is the same.

Holds ``evaluate/engine.py``, ``evaluate/results.py``, ``evaluate/ask_dense.py``, ``evaluate/ask_words.py`` and
``evaluate/score.py``.
"""

import json
import math

import pytest

from tagalign.errors import DataError, InputError
from tagalign.evaluate.engine import Plan, gather
from tagalign.evaluate.evaluation import asker_for, evaluate, evaluate_segmentation, summarize
from tagalign.evaluate.results import markdown_table, read_result, write_result
from tagalign.evaluate.segmentation import Confusion
from tagalign.labels import Label, LabelSet


@pytest.mark.parametrize("background", [False, True])
def test_perfect_segmentation_scores_exactly_100(toy_set, toy_method, background):
    result = evaluate_segmentation(toy_method(background=background), toy_set(has_background=background))
    assert result.metrics == {"miou": 100.0, "pixel_accuracy": 100.0, "mean_accuracy": 100.0}
    assert (result.intervals["miou"].low, result.intervals["miou"].high) == (100.0, 100.0)
    assert set(result.per_class["iou"].values()) == {100.0}
    assert (result.images, result.counted, result.expected) == (6, 6, 6)


def test_seen_and_unseen_are_apart_where_the_benchmark_says_so(toy_set, toy_method):
    method = toy_method(background=True)
    plain = type(method).segment
    # trees become background: label 2 is class 3
    method.segment = lambda image, labels, photo=None: plain(method, image * (image != 3), labels)
    result = evaluate_segmentation(method, toy_set(has_background=True, unseen=(2,)))
    assert result.scoring["unseen"] == [3]
    assert result.metrics["miou_unseen"] == 0.0
    (name,) = result.per_class["iou_unseen"]
    assert name == list(result.per_class["iou"])[3]
    assert result.metrics["miou_seen"] == pytest.approx((result.per_class["iou"]["background"] + 200) / 3)
    assert result.metrics["hiou"] == 0.0


def test_all_classes_shifted_scores_zero(toy_set, toy_method):
    assert evaluate_segmentation(toy_method(wrong=True), toy_set()).metrics["miou"] == 0.0


def test_result_equals_a_confusion_matrix_of_its_own(toy_set, toy_method):
    data, method = toy_set(), toy_method()
    method.segment = lambda image, labels, photo=None: type(method).segment(method, image // 2 * 2, labels)
    confusion = Confusion(3)
    for i in range(len(data)):
        found = method.segment(method.encode_images([data.image(i)])[0], method.encode_labels(data.labels))
        import torch

        confusion.update(found.labels, torch.from_numpy(data.target(i)))
    result = evaluate_segmentation(method, data)
    assert result.metrics["miou"] == pytest.approx(100 * confusion.miou(), rel=1e-12)
    assert result.metrics["pixel_accuracy"] == pytest.approx(100 * confusion.pixel_accuracy(), rel=1e-12)


def test_merged_labels_are_scored_as_their_classes(toy_set, toy_method):
    """Two finer labels count as one class; the truth is given in classes."""
    data = toy_set(merge=(0, 0, 2))
    data_target = type(data).target
    type(data).target = lambda self, i: (lambda ids: ids * (ids != 1))(data_target(self, i))
    try:
        assert evaluate_segmentation(toy_method(), data).metrics["miou"] == 100.0
    finally:
        type(data).target = data_target


@pytest.mark.parametrize(("method_has", "data_has", "turn"), [(True, False, "off"), (False, True, "on")])
def test_disagreement_about_background_is_refused(toy_set, toy_method, method_has, data_has, turn):
    with pytest.raises(InputError, match=f"turn its background rule {turn}"):
        evaluate_segmentation(toy_method(background=method_has), toy_set(has_background=data_has))


def test_other_words_must_be_one_per_class(toy_set, toy_method):
    words = LabelSet(name="two", labels=(Label(name="a"), Label(name="b")))
    with pytest.raises(InputError, match="the benchmark has 3 labels, label set 'two' has 2"):
        evaluate_segmentation(toy_method(), toy_set(), labels=words)


def test_broken_mask_refuses_a_number_and_is_named(toy_set, toy_method):
    with pytest.raises(DataError, match=r"5 of 6 images were measured; .*--allow-missing.* mask-2\.png"):
        evaluate_segmentation(toy_method(), toy_set(broken=(2,)))
    result = evaluate_segmentation(toy_method(), toy_set(broken=(2,)), allow_missing=True)
    assert (result.counted, result.expected) == (5, 6)
    assert "5 of 6 images" in markdown_table([result])


def test_silently_smaller_data_set_is_refused(toy_set, toy_method):
    with pytest.raises(DataError, match="4 of 6 images"):
        evaluate_segmentation(toy_method(), toy_set(images=4))


def test_limit_is_no_smaller_data_set_but_is_named(toy_set, toy_method):
    result = evaluate_segmentation(toy_method(), toy_set(), plan=Plan(limit=3))
    assert (result.counted, result.settings["limit"]) == (3, 3)


def without_time(result):
    return {k: v for k, v in vars(result).items() if k != "created"}


def test_stopped_and_resumed_gives_the_identical_result(toy_set, toy_method, tmp_path):
    whole = evaluate_segmentation(toy_method(), toy_set(), plan=Plan(out=tmp_path / "a", batch_size=2))
    with pytest.raises(KeyboardInterrupt):
        evaluate_segmentation(
            toy_method(stop_after=1), toy_set(), plan=Plan(out=tmp_path / "b", batch_size=2)
        )
    with (tmp_path / "b/rows.jsonl").open("a") as file:
        file.write('{"i":3,"key":"im')  # a line torn by the kill
    method = toy_method()
    resumed = evaluate_segmentation(method, toy_set(), plan=Plan(out=tmp_path / "b", batch_size=2))
    assert method.batches == [2, 2]
    assert without_time(resumed) == without_time(whole)
    first = write_result(tmp_path / "a", whole).read_text().replace(whole.created, "")
    assert write_result(tmp_path / "b", resumed).read_text().replace(resumed.created, "") == first
    assert len((tmp_path / "b/rows.jsonl").read_text().splitlines()) == 7


def test_shards_together_equal_one_run(toy_set, toy_method, tmp_path):
    whole = evaluate_segmentation(toy_method(), toy_set(), plan=Plan(batch_size=2))
    for index in range(2):
        plan = Plan(out=tmp_path, batch_size=2, shard=(index, 2))
        asker = asker_for("segmentation", toy_method(), toy_set())
        gathered = gather(asker, plan)
        assert gathered.pending == (2 if index == 0 else 0)
    assert without_time(summarize(asker, gathered)) == without_time(whole)


def test_rows_of_another_evaluation_are_refused(toy_set, toy_method, tmp_path):
    evaluate_segmentation(toy_method(), toy_set(), plan=Plan(out=tmp_path))
    with pytest.raises(InputError, match="belongs to another evaluation"):
        evaluate_segmentation(toy_method(wrong=True), toy_set(), plan=Plan(out=tmp_path))


def test_result_file_round_trip_keeps_absent_numbers(toy_set, toy_method, tmp_path):
    result = evaluate_segmentation(toy_method(), toy_set(images=1, expected=1))
    result.per_class["iou"]["dog"] = math.nan
    read = read_result(write_result(tmp_path, result))
    assert json.loads((tmp_path / "result.json").read_text())["per_class"]["iou"]["dog"] is None
    assert math.isnan(read.per_class["iou"]["dog"])
    assert (read.metrics, read.settings, read.model) == (result.metrics, result.settings, result.model)


def test_a_result_names_no_folder_of_this_machine(toy_set, toy_method, tmp_path):
    plan = Plan(out=tmp_path, facts={"image_list": "/home/me/lists/val.txt"})
    result = evaluate_segmentation(toy_method(), toy_set(), plan=plan)
    assert result.settings["image_list"] == "val.txt"
    assert "/home/me" not in write_result(tmp_path, result).read_text()


def test_damaged_result_is_refused(tmp_path):
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(DataError, match=r"expected a result\.json"):
        read_result(tmp_path)
    with pytest.raises(DataError, match="no such result"):
        read_result(tmp_path / "none")


def test_referring_perfect_and_wrong(toy_set, toy_method):
    data = toy_set(unit="expressions", expected=18)
    type(data).count, one = lambda self, i: 3, type(data).count
    try:
        result = evaluate("referring", toy_method(), data)
        assert (result.metrics["miou"], result.metrics["overall_iou"], result.metrics["precision@0.5"]) == (
            100.0,
        ) * 3
        assert (result.images, result.counted, result.unit) == (6, 18, "expressions")
        assert evaluate("referring", toy_method(wrong=True), data).metrics["miou"] == 0.0
    finally:
        type(data).count = one


def test_tags_captions_answers_and_boxes_run_through(toy_set, toy_boxes, toy_method):
    tags = evaluate("tagging", toy_method(), toy_set())
    assert (tags.metrics["micro_f1"], tags.metrics["map"]) == (100.0, 100.0)
    captions = evaluate("captions", toy_method(), toy_set())
    assert {"cider", "bleu4", "cider_near", "cider_out"} <= captions.metrics.keys()
    answers = evaluate("questions", toy_method(), toy_set())
    assert answers.metrics["accuracy"] == pytest.approx(100 / 6)  # one of six images has the answer 3
    boxes = evaluate("boxes", toy_method(), toy_boxes())
    assert 0 <= boxes.metrics["ap"] <= 100
    for result in (tags, captions, answers, boxes):
        assert result.images == 6
        assert "toy val" in markdown_table([result])


def test_a_method_trained_with_masks_is_asked_for_background_by_name(toy_set, toy_method):
    """The 60 classes of PASCAL Context: as many names as classes, ids as they are, unseen ones in their place."""
    result = evaluate_segmentation(toy_method(method="trusty"), toy_set(has_background=True, unseen=(2,)))
    assert result.settings["labels"]["names"] == ["background", "cat", "dog", "tree"]
    assert result.metrics["miou"] == result.metrics["hiou"] == 100.0
    assert list(result.per_class["iou_unseen"]) == ["tree"]
    with pytest.raises(InputError, match="turn its background rule on"):
        evaluate_segmentation(toy_method(), toy_set(has_background=True))

"""Comparing stored results: equal ones do not differ, a real difference is found, different benchmarks are refused."""

import json

import pytest

from tagalign.errors import DataError, InputError
from tagalign.evaluate.compare import changed_settings, compare_results, describe_comparison
from tagalign.evaluate.engine import Plan
from tagalign.evaluate.evaluation import evaluate, evaluate_segmentation
from tagalign.evaluate.results import write_result


@pytest.fixture
def folders(toy_set, toy_method, tmp_path):
    """A perfect result and one that calls every cat a dog, on 40 images."""

    def evaluate(name, method):
        result = evaluate_segmentation(
            method, toy_set(images=40, expected=40), plan=Plan(out=tmp_path / name)
        )
        write_result(tmp_path / name, result)
        return tmp_path / name

    cats_are_dogs = toy_method()
    plain = type(cats_are_dogs).segment
    cats_are_dogs.segment = lambda image, labels, photo=None: plain(cats_are_dogs, image.clip(1), labels)
    cats_are_dogs.describe = lambda: {"method": "toy", "model": "pixels", "wrong": "cats"}
    return evaluate("perfect", toy_method()), evaluate("cats", cats_are_dogs)


def test_a_large_difference_is_beyond_noise(folders):
    comparison = compare_results(*folders)
    gap = comparison.differences["miou"]
    first, second = comparison.first.metrics["miou"], comparison.second.metrics["miou"]
    assert gap.value == pytest.approx(second - first, abs=1e-9)
    assert (first, gap.beyond_noise, comparison.images) == (100.0, True, 40)
    assert gap.low <= gap.value <= gap.high < 0
    text = describe_comparison(comparison)
    assert "beyond noise" in text
    assert "cat 100.0 -> 0.0" in text
    assert changed_settings(comparison) == {"model.wrong": (False, "cats")}


def test_a_result_does_not_differ_from_itself(folders):
    gap = compare_results(folders[0], folders[0] / "result.json").differences["miou"]
    assert (gap.value, gap.beyond_noise, gap.p) == (0.0, False, 1.0)


def change(folder, **settings):
    path = folder / "result.json"
    content = json.loads(path.read_text())
    content["settings"] |= settings
    path.write_text(json.dumps(content))


def test_different_benchmarks_are_refused(folders):
    change(folders[1], benchmark="voc21")
    with pytest.raises(InputError, match="different benchmarks: 'toy' and 'voc21'"):
        compare_results(*folders)


def test_different_images_are_refused(folders):
    path = folders[1] / "rows.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]) + "\n")
    with pytest.raises(InputError, match=r"different images \(40 and 37, 37 in common\)"):
        compare_results(*folders)


def test_result_without_rows_is_refused(folders):
    (folders[1] / "rows.jsonl").unlink()
    with pytest.raises(DataError, match=r"no rows\.jsonl"):
        compare_results(*folders)


def test_kinds_without_intervals_are_refused(toy_boxes, toy_method, tmp_path):
    for name in ("a", "b"):
        result = evaluate("boxes", toy_method(), toy_boxes(), plan=Plan(out=tmp_path / name))
        write_result(tmp_path / name, result)
    with pytest.raises(InputError, match="kind 'boxes' have no metric"):
        compare_results(tmp_path / "a", tmp_path / "b")

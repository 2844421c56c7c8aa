"""Annotations as clicks: the thresholds that a review would have taught.

Holds ``data/annotations/targets/examples.py``, ``data/annotations/records.py``.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from annotation_toys import save_photos

from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.targets import clicks as module
from tagalign.data.annotations.targets.clicks import WrittenClicks, answers_of_run, write_clicks
from tagalign.data.annotations.targets.examples import examples_of
from tagalign.errors import DataError
from tagalign.export.label_studio import brush_rle
from tagalign.ops.masks import decode_rle
from tagalign.tasks.review.clicks import append_click, read_clicks

MASK = np.random.default_rng(0).random((60, 80)) > 0.5


def result(kind, **value):
    sides = {"original_width": 80, "original_height": 60}
    return {"type": kind, "value": value, **sides}


@pytest.fixture
def laid(tmp_path):
    """One photo whose dog was taken away and whose tree was added, one that was passed over, one with nothing in it."""
    save_photos(tmp_path / "photos", "a.jpg", "b.jpg", "day, 1/写真.jpg")
    cat, tree = (
        result("brushlabels", rle=brush_rle(MASK), brushlabels=["cat"]),
        result("choices", choices=["tree"]),
    )
    given = {"result": [result("choices", choices=["cat", "dog"])]}
    tasks = [
        {
            "data": {"image": "a.jpg"},
            "annotations": [{"id": 17, "result": [cat, tree]}],
            "predictions": [given],
        },
        {"data": {"image": "b.jpg"}, "annotations": [{"result": [], "was_cancelled": True}]},
        {"data": {"image": "day,%201/%E5%86%99%E7%9C%9F.jpg"}, "annotations": [{"result": []}]},
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    return lay(tmp_path / "a.json", "label-studio", PhotoFolder(tmp_path / "photos"), LayingRules())


def test_clicks_say_what_was_kept_taken_away_and_added(laid, tmp_path):
    path = tmp_path / "out/review.jsonl"
    assert write_clicks(laid, tmp_path / "photos", path).new == 3
    found = read_clicks([path])
    assert not found.notes
    first, second, third = found.counting()
    assert (first.verdict, first.labels) == ("accepted", ("tree", "cat", "dog"))
    assert (first.given, first.tags) == (("cat", "dog"), ("tree", "cat"))
    assert (first.source, third.source) == ("label-studio:17", ""), "as the server names what it hears"
    ((name, counts),) = first.masks
    assert name == "cat"
    np.testing.assert_array_equal(decode_rle(counts.encode(), first.size).numpy(), MASK)
    assert (second.photo, second.verdict) == ("b.jpg", "skipped")
    assert (third.photo, third.verdict, third.tags) == ("day, 1/写真.jpg", "accepted", ())
    assert first.folder == str((tmp_path / "photos").resolve())


def test_an_earlier_answer_of_ours_is_what_was_given(laid, tmp_path):
    rows = tmp_path / "run/rows"
    rows.mkdir(parents=True)
    (rows / "part-00000-of-00001-00000.jsonl").write_text(
        json.dumps({"path": str(tmp_path / "photos/a.jpg"), "shares": {"bird": 0.5}}) + "\n"
    )
    given = answers_of_run(tmp_path / "run", PhotoFolder(tmp_path / "photos"))
    assert given == {"a.jpg": ("bird",)}
    write_clicks(laid, tmp_path / "photos", tmp_path / "review.jsonl", given=given.get)
    assert read_clicks([tmp_path / "review.jsonl"]).counting()[0].given == ("bird",)
    with pytest.raises(DataError, match="no results of tag or segment"):
        answers_of_run(tmp_path / "photos", PhotoFolder(tmp_path / "photos"))


def test_examples_are_what_was_judged(laid):
    found = examples_of(laid)
    assert [example.tags for example in found] == [{"cat", "tree"}, frozenset()]
    assert [
        example.source.path.endswith(name) for example, name in zip(found, ("a.jpg", "写真.jpg"), strict=True)
    ]


def test_an_import_that_was_stopped_is_finished_and_one_that_is_repeated_changes_nothing(
    laid, tmp_path, monkeypatch
):
    whole, path = tmp_path / "whole.jsonl", tmp_path / "review.jsonl"
    write_clicks(laid, tmp_path / "photos", whole)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    path.write_bytes(
        b"".join(whole.read_bytes().splitlines(keepends=True)[:2])[:-20]
    )  # cut within the second line
    assert write_clicks(laid, tmp_path / "photos", path) == WrittenClicks(new=2, repeated=1)
    assert [replace(one, at="") for one in read_clicks([path]).counting()] == [
        replace(one, at="") for one in read_clicks([whole]).counting()
    ]
    before = path.read_bytes()
    assert write_clicks(laid, tmp_path / "photos", path) == WrittenClicks(new=0, repeated=3)
    assert path.read_bytes() == before
    append_click(path, replace(read_clicks([path]).counting()[0], tags=(), at=""))
    assert write_clicks(laid, tmp_path / "photos", path) == WrittenClicks(new=1, repeated=2), (
        "another word between"
    )

"""``tagalign import annotations`` through the command line: what is written, what is told, what is refused.

Holds ``cli/verbs/imports/verb.py``.
"""

import json
import zipfile
from typing import get_args

import numpy as np
import pytest
from annotation_toys import save_photos

from tagalign.cli.main import main
from tagalign.cli.verbs.imports.annotations import AnnotationFormat
from tagalign.data.annotations.formats import READERS
from tagalign.data.benchmarks import open_benchmark
from tagalign.tasks.review.clicks import read_clicks


@pytest.fixture
def annotations(tmp_path, monkeypatch):
    """Three photos, one of which is not there."""
    monkeypatch.chdir(tmp_path)
    save_photos(tmp_path / "photos", "a.jpg", "b.jpg")
    square = [10, 10, 30, 10, 30, 40, 10, 40]
    images = [
        {"id": i, "file_name": f"C:\\x\\{name}.jpg", "height": 60, "width": 80}
        for i, name in enumerate("abc")
    ]
    rows = [
        {"image_id": 0, "category_id": 5, "segmentation": [square]},
        {"image_id": 0, "category_id": 9, "segmentation": [square[:4]]},
    ]
    names = [{"id": 5, "name": "Kitty"}, {"id": 9, "name": "dog"}]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": names}))
    return tmp_path


def call(*arguments):
    return main(["import", "annotations", *map(str, arguments)])


def test_clicks_are_written_and_what_is_left_out_is_told(annotations, capsys):
    assert call("a.json", "--photos", "photos", "--labels", "kitty,bird", "--out", "review") == 0
    said = capsys.readouterr().err
    assert "2 clicks written to review/review.jsonl" in said
    assert "--threshold from:review/review.jsonl" in said
    for line in (
        r"photos that were not found: 1 (C:\x\c.jpg: no photo of this name in photos)",
        "polygons with fewer than three corners: 1",
        "labels that are none of yours: 1 (dog)",
    ):
        assert f"note: left out: {line}" in said
    first, second = read_clicks([annotations / "review/review.jsonl"]).counting()
    assert (first.labels, first.tags, second.tags) == (("kitty", "bird"), ("kitty",), ())
    assert json.loads((annotations / "review/label-map.json").read_text()) == {"Kitty": "kitty", "dog": None}
    rows = [json.loads(line) for line in (annotations / "review/left_out.jsonl").read_text().splitlines()]
    assert {row["photo"] for row in rows} == {"C:\\x\\c.jpg", "C:\\x\\a.jpg", ""}


def test_a_benchmark_with_a_mapping_that_was_changed_by_hand(annotations, capsys):
    (annotations / "map.json").write_text('{"Kitty": "cat", "dog": null}')
    arguments = (
        "a.json",
        "--photos",
        "photos",
        "--into",
        "benchmark",
        "--label-map",
        "map.json",
        "--out",
        "mine",
    )
    for _ in range(2):  # the same command again is no other one
        assert call(*arguments) == 0
    assert "evaluate --data own --path mine" in capsys.readouterr().err
    data = open_benchmark("own", annotations / "mine")
    assert data.class_names == ("background", "cat")
    assert (data.target(0)[10:40, 10:30] == 1).all()
    assert np.count_nonzero(data.target(0)) == 600
    assert call(*arguments, "--exif", "stored") == 2
    assert "holds something else" in capsys.readouterr().err


def test_masks_to_train_on(annotations, capsys):
    assert call("a.json", "--photos", "photos", "--into", "training", "--out", "train") == 0
    assert (
        "train --method trusty --photos train/photos --masks train/masks --labels-file"
        in capsys.readouterr().err
    )


def test_thresholds_of_a_model(annotations, capsys):
    assert call("a.json", "--photos", "photos", "--into", "thresholds", "--model", "tiny", "--out", "t") == 0
    assert "--labels-file t/labels.calibrated.json --threshold calibrated" in capsys.readouterr().err
    assert json.loads((annotations / "t/labels.calibrated.json").read_text())["thresholds"][
        "per_label"
    ].keys() == {"Kitty", "dog"}


def test_a_table_that_was_corrected_in_a_spreadsheet(annotations, capsys):
    (annotations / "tags.csv").write_text("image;tag;score\na.jpg;cat;0,7\na.jpg;dog;\n")
    arguments = ("tags.csv", "--photos", "photos")
    assert call(*arguments, "--out", "one") == 0
    assert "--missing-is-empty takes them as empty: 1 (b.jpg)" in capsys.readouterr().err
    (click,) = read_clicks([annotations / "one/review.jsonl"]).counting()
    assert (click.photo, click.tags, click.given) == ("a.jpg", ("cat", "dog"), ("cat",))
    assert call(*arguments, "--missing-is-empty", "--out", "two") == 0
    assert "taken as empty" in capsys.readouterr().err
    clicks = read_clicks([annotations / "two/review.jsonl"]).counting()
    assert [(click.photo, click.tags) for click in clicks] == [("a.jpg", ("cat", "dog")), ("b.jpg", ())]


def test_every_format_can_be_asked_for_by_name():
    assert get_args(AnnotationFormat) == ("auto", *sorted(READERS))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("a.json", "--photos", "photos", "--missing-is-empty"), "--missing-is-empty: coco lists its photos itself"),
        (("a.xlsx",), "a spreadsheet's own format; save it as CSV"),
        (("none.json",), "none.json: no such file or folder"),
        (("none.json", "--read-as", "coco"), "no such file or folder"),
        (("a.json", "--photos", "nowhere"), "--photos nowhere: expected the folder"),
        (("a.json", "--photos", "empty"), "none of its photos can be used"),
        (("a.json", "--read-as", "cvat"), "expected XML"),
        (("a.json", "--read-as", "pdf"), "pdf"),
        (("photos/a.jpg",), "none of the formats that are read"),
        (("a.json", "--photos", "photos", "--model", "tiny"), "--model: thresholds alone ask a model"),
        (("a.json", "--photos", "photos", "--into", "training", "--against", "x"), "--against: an earlier answer"),
        (("a.json", "--photos", "photos", "--labels", "a", "--labels-file", "b.txt"), "not with both"),
        (("a.json", "--photos", "photos", "--label-map", "none.json"), "none.json: no such file"),
        (("a.json", "--photos", "photos", "--into", "benchmark", "--out", "photos"), "holds something else"),
        (("a.json", "--photos", "photos", "--against", "photos"), "no results of tag or segment"),
    ],
)  # fmt: skip
def test_what_cannot_be_gets_one_line_and_exit_2(annotations, capsys, arguments, match):
    (annotations / "empty").mkdir()
    with zipfile.ZipFile(annotations / "a.xlsx", "w") as file:
        file.writestr("a", "b")
    assert call(*arguments) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert match in said[-1]
    assert "Traceback" not in "".join(said)


def test_photos_that_nobody_judged_are_no_wrong_folder(tmp_path, capsys):
    save_photos(tmp_path / "photos", "a.jpg")
    content = {
        "version": "tagalign 1",
        "flags": {},
        "shapes": [],
        "imagePath": "a.jpg",
        "imageHeight": 60,
        "imageWidth": 80,
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    words = ["import", "annotations", str(tmp_path / "a.json"), "--photos", str(tmp_path / "photos")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "nobody judged" in said
    assert said.endswith("none of its photos can be used; see the notes\n")

"""The verb tag from the command line: tables, pages, exit codes, and what people do wrong."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main


def exit_code(call, *args) -> int:
    """A value that a flag refuses is reported by the flag parser, which exits by itself."""
    try:
        return call(*args)
    except SystemExit as stop:
        return stop.code


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def tag(clip_folder, photos, tmp_path):
    def call(*flags, images=(str(photos),), labels="dog,cat,tree"):
        return main(["tag", *images, "--labels", labels, "--templates", "1", "--model", str(clip_folder), "--device", "cpu",
                     "--no-cache", "--out", str(tmp_path / "out"), *flags])  # fmt: skip

    return call


def test_table_page_sheet_and_settings_are_written(tag, photos, tmp_path, capsys):
    assert tag("--sheet") == 0
    out = tmp_path / "out"
    rows = list(csv.DictReader((out / "tags.csv").read_text().splitlines()))
    assert [row["key"] for row in rows] == [str(photos / f"{i}.png") for i in range(3)]
    assert all(set(row["tags"].split("|")) <= {"dog", "cat", "tree"} for row in rows)
    assert 0 <= float(rows[0]["tree"]) <= 1
    page = (out / "index.html").read_text()
    assert "data:image/jpeg;base64" in page
    assert "None" not in page
    assert "drawn scenes only" not in page  # this CLIP is not `tiny`
    with Image.open(out / "sheet.jpg") as sheet:
        assert sheet.width > 200
    assert json.loads((out / "settings.json").read_text())["model"]["method"] == "tagclip"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"3 photos tagged in {out}; to look at: {out / 'index.html'}" in printed.err


def test_json_lines_on_standard_output(tag, capsys):
    assert tag("--json", "--format", "jsonl", "--threshold", "top:2", "--no-summary") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(row["tags"]) for row in rows] == [2, 2, 2]
    assert set(rows[0]["scores"]) == {"dog", "cat", "tree"}


def test_the_same_command_again_does_nothing_twice(tag, capsys):
    assert tag("--part-size", "2") == 0
    capsys.readouterr()
    assert tag("--part-size", "2", "--json") == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "3 of 3 photos done before" in printed.err


def test_another_label_list_needs_overwrite(tag, capsys):
    assert tag() == 0
    assert tag(labels="dog,cat") == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert tag("--overwrite", labels="dog,cat") == 0


def test_bad_photos_are_listed_and_only_nothing_at_all_fails(tag, photos, tmp_path):
    (photos / "1.png").write_bytes(b"broken")
    assert tag() == 0
    assert len((tmp_path / "out" / "errors.jsonl").read_text().splitlines()) == 1
    assert tag("--overwrite", images=(str(photos / "1.png"),)) == 2


def test_calibration_is_saved_and_used(tag, photos, tmp_path, capsys, clip_folder):
    rows = [{"image": f"{i}.png", "tags": ["dog"]} for i in range(3)]
    (photos / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert tag("--calibrate", str(photos)) == 0
    saved = tmp_path / "out" / "labels.calibrated.json"
    assert json.loads(saved.read_text())["thresholds"]["measured_with"]["model"]["method"] == "tagclip"
    again = ["tag", str(photos), "--labels-file", str(saved), "--threshold", "calibrated", "--templates", "1", "--no-cache",
             "--model", str(clip_folder), "--out", str(tmp_path / "second")]  # fmt: skip
    assert main(again) == 0
    first, second = ((tmp_path / name / "tags.csv").read_text() for name in ("out", "second"))
    assert first == second


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--threshold", "best"), "unknown threshold 'best'"),
        (("--threshold", "calibrated"), "--labels-file FILE"),
        (("--format", "xml"), "unknown format 'xml'"),
        (("--engine", "spark"), "unknown engine 'spark'"),
        (("--shard", "2/2"), "--shard must be i/n"),
        (("--background-words", "vok"), "did you mean 'voc'"),
        (("--workers", "0"), "at least 1"),
        (("--method", "tagclib"), "did you mean 'tagclip'"),
    ],
)
def test_wrong_flags_end_in_one_line(tag, flags, message, capsys):
    assert exit_code(tag, *flags) == 2
    captured = capsys.readouterr()
    err = captured.err + captured.out
    assert message in err
    assert "Traceback" not in err


def test_no_photos_and_no_labels(clip_folder, photos, capsys):
    assert exit_code(main, ["tag", "--labels", "dog"]) == 2
    captured = capsys.readouterr()
    assert "give photos to tag" in captured.err + captured.out
    assert main(["tag", str(photos), "--model", str(clip_folder)]) == 2
    assert "give labels with --labels" in capsys.readouterr().err


def test_how_sure_it_was_stands_in_every_format(tag, tmp_path):
    assert tag("--disagreement", "flip", "--format", "jsonl", "--order", "disagreement") == 0
    row = json.loads((tmp_path / "out" / "tags.jsonl").read_text().splitlines()[0])
    assert {"errors", "entropy", "margin", "disagreement"} <= set(row)
    assert "second answer" in (tmp_path / "out" / "index.html").read_text()
    assert tag("--disagreement", "flip") == 0
    csv_row = next(csv.DictReader((tmp_path / "out" / "tags.csv").read_text().splitlines()))
    for name in ("errors", "entropy", "margin", "disagreement"):
        # six digits of a float32
        assert float(csv_row[f"doubt:{name}"]) == pytest.approx(row[name], abs=1e-4)


def test_an_order_that_was_not_measured_is_refused(tag, capsys):
    assert exit_code(tag, "--order", "disagreement") == 2
    assert "add --disagreement" in capsys.readouterr().err


def review(path, photos, folder):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"at": "", "photo": f"{i}.png", "verdict": "accepted", "folder": str(folder), "labels": ["dog", "hound"],
             "tags": ["dog"] * (i % 2)} for i in photos]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_thresholds_are_learned_from_clicks(tag, photos, tmp_path, capsys):
    for i in range(3, 8):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{i}.png")
    clicks = review(tmp_path / "review.jsonl", [*range(8), 99], photos)
    with clicks.open("a") as file:
        file.write('{"at": "", "photo": "0.pn')
    assert tag("--threshold", f"from:{clicks}") == 0
    said = capsys.readouterr().err
    assert "thresholds of 1 label from 8 reviewed photos" in said
    for word in (
        "line 10: cut or damaged",
        "99.png",
        "hound (9 x)",
        "too few clicks, the default stays: cat",
    ):
        assert word in said
    described = json.loads(next((tmp_path / "out").glob("run-*.json")).read_text())["job"]
    assert list(described["learned"]) == ["dog"]
    # what the page says of the review that lies in the folder of results
    review(tmp_path / "out/review/review.jsonl", [0], photos)
    assert tag("--threshold", f"from:{clicks}") == 0
    assert "reviewed" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("text", "said"), [("", "no photo was accepted"), (None, "expected the review.jsonl")]
)
def test_reviews_without_clicks_are_refused(tag, tmp_path, capsys, text, said):
    path = tmp_path / "review.jsonl"
    if text is not None:
        path.write_text(text)
    assert exit_code(tag, "--threshold", f"from:{path}") == 2
    assert said in capsys.readouterr().err

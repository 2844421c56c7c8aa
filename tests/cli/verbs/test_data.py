"""``tagalign data``: lists, checks and drawn copies."""

import json
import re

import pytest

from tagalign.cli.main import main
from tagalign.data.benchmarks.catalog import BENCHMARKS, NOT_TO_BE_HAD


def test_a_rehearsal_from_drawing_to_a_number(tmp_path, capsys):
    """What a user does before the data are here; the number says that it means nothing."""
    copy = tmp_path / "voc"
    assert main(["data", "fake", "voc21", "--out", str(copy), "--images", "3"]) == 0
    assert "tagalign evaluate --data voc21" in capsys.readouterr().out
    assert main(["data", "check", "voc21", str(copy)]) == 0
    out = capsys.readouterr().out
    assert "a drawn copy" in out
    assert "3 of 3 images" in out
    evaluation = ["evaluate", "--data", "voc21", "--path", str(copy), "--model", "tiny", "--method", "maskclip",
                  "--out", str(tmp_path / "result"), "--short-side", "64", "--resamples", "0", "--gallery", "0"]  # fmt: skip
    assert main(evaluation) == 0
    captured = capsys.readouterr()
    assert "voc21 val (drawn copy)" in captured.out
    assert "they mean nothing" in captured.err
    result = json.loads((tmp_path / "result/result.json").read_text())
    assert result["settings"]["drawn_copy"] == "3 images, seed 0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fake", "voc21"], "--out FOLDER"),
        (["fake", "voc21", "somewhere"], "--out somewhere"),
        (["fake", "voc12", "--out", "x"], "voc12"),
        (["list", "--images", "3"], "for tagalign data fake alone"),
        (["check", "voc21", "--seed", "3"], "for tagalign data fake alone"),
        (["list", "voc21"], "did you mean"),
    ],
)
def test_refusals_in_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_json_of_a_copy(tmp_path, capsys):
    assert main(["data", "fake", "refcoco", "--out", str(tmp_path / "r"), "--images", "2", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["benchmark"], row["images"], row["complete"]) == ("refcoco", 2, True)
    assert row["units"] == 14  # 10,834 phrases on 1,500 pictures


def test_names_of_the_list_are_parted_from_their_titles(capsys):
    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {re.escape(name)} ", shown, re.M) for name in [*BENCHMARKS, *NOT_TO_BE_HAD])

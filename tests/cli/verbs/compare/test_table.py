"""``tagalign compare --table``: the three formats hold the same numbers."""

import csv
import io
import re

import pytest

from tagalign.cli.main import main
from tagalign.evaluate.results import Result, write_result


@pytest.fixture
def results(tmp_path):
    folders = []
    for name, benchmark, value, refine in (
        ("a", "voc21", 41.25, None), ("b", "voc20", 70.0, None), ("c", "voc21", 44.0, "pamr"),
    ):  # fmt: skip
        write_result(
            tmp_path / name,
            Result(
                metrics={"miou": value},
                settings={"benchmark": benchmark, "split": "val", "kind": "segmentation"},
                model={"method": "maskclip", "model": "a|b", "refine": refine},
            ),
        )
        folders.append(str(tmp_path / name))
    return folders


def test_three_formats_hold_the_same_numbers(results, tmp_path, capsys):
    common = ["compare", *results, "--published", "tagalign/table1/tcl"]
    assert main([*common, "--table", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["system"], row["post"], row["voc21"], row["voc20"]) for row in rows] == [
        ("maskclip on a|b", "none", "41.2", "70.0"),
        ("maskclip on a|b", "pamr", "44.0", ""),
        ("TCL", "none", "51.6", "77.5"),
    ]
    assert main([*common, "--table", "md"]) == 0
    text = capsys.readouterr().out
    assert all(
        len(re.findall(r"(?<!\\)\|", line)) == text.splitlines()[0].count("|") for line in text.splitlines()
    )
    page = tmp_path / "table.html"
    assert main([*common, "--table", "html", "--out", str(page)]) == 0
    html = page.read_text()
    assert all(row[name] in html for row in rows for name in ("voc21", "voc20"))
    assert "<strong>77.5</strong>" in html


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda r: r, "takes two results"),
        (lambda r: [*r[:2], "--published", "tagalign/table1"], "give --table"),
        (lambda r: [*r, "--table", "md", "--published", "tagalign/table9"], "no published number"),
        (lambda r: [r[0], "nowhere", "--table", "md"], "no such file"),
        (lambda r: [r[0], r[0], "--table", "md"], "two results"),
    ],
)
def test_refusals_in_one_line(results, arguments, said, capsys):
    assert main(["compare", *arguments(results)]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_answers_about_photos_are_not_taken_for_parses(tmp_path, capsys):
    """What a newcomer tries first: two folders of masks."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run-00000-of-00001.json").write_text("{}")
        (tmp_path / name / "masks.jsonl").write_text('{"path": "a.png"}\n')
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert f"{tmp_path / 'a'} holds answers about photos" in capsys.readouterr().err

"""Parts and merged files: whole, in order, and of the form that their table says."""

import json

import pytest

from tagalign.tasks.photos.tables import ANSWERS, MASKS, TAGS, count_lines, merge, read_lines

ROWS = [{"path": "a.png", "answer": "ja, 猫"}, {"path": "b.png", "answer": "line\nbreak"}]


def test_lines_come_back_and_are_counted(tmp_path):
    ANSWERS.write(tmp_path / "p.jsonl", ROWS)
    assert list(read_lines(tmp_path / "p.jsonl")) == ROWS
    assert count_lines(tmp_path / "p.jsonl") == ANSWERS.count([tmp_path / "p.jsonl"]) == 2
    assert "猫" in (tmp_path / "p.jsonl").read_text(encoding="utf-8")  # people read these files


def test_tables_say_where_their_parts_are():
    assert (ANSWERS.ending, ANSWERS.folders, ANSWERS.merged) == (".jsonl", ("rows",), "answers")
    assert (TAGS.ending, TAGS.folders, TAGS.merged) == (".parquet", ("tags",), "")
    assert MASKS.folder == "masks"


def test_parts_become_one_file_in_their_order_and_no_parts_no_file(tmp_path):
    for name, row in zip("ab", ROWS, strict=True):
        ANSWERS.write(tmp_path / f"{name}.jsonl", [row])
    merged = tmp_path / "answers.jsonl"
    assert merge([tmp_path / "b.jsonl", tmp_path / "a.jsonl"], merged) == merged
    assert [json.loads(line) for line in merged.read_text().splitlines()] == ROWS[::-1]
    assert merge([], merged) is None
    assert not merged.exists()
    assert merge([], merged) is None


def test_a_part_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        ANSWERS.write(tmp_path / "p.jsonl", [{"answer": object()}])
    assert list(tmp_path.iterdir()) == []

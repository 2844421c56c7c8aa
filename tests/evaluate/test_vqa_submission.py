"""The file that VQA's server takes: every question once, ids as numbers; and the whole way on a drawn copy of test2015."""

import json

import pytest

from tagalign.cli.main import main
from tagalign.errors import DataError
from tagalign.evaluate.vqa_submission import answers_are_secret, submission

ROWS = [
    {"questions": ["20", "3"], "answers": ["yes", "2"], "truths": [[], []]},
    {"questions": ["100"], "answers": ["a dog"], "truths": [[]]},
]


def test_every_question_stands_once_by_number():
    expected = [{"question_id": n, "answer": a} for n, a in ((3, "2"), (20, "yes"), (100, "a dog"))]
    assert submission(ROWS) == expected


@pytest.mark.parametrize(("wrong", "match"), [("20", "no other question has"), ("x-1", "expected a number")])
def test_ids_that_the_server_would_refuse_are_refused(wrong, match):
    with pytest.raises(DataError, match=match):
        submission([*ROWS, {"questions": [wrong], "answers": [""], "truths": [[]]}])


def test_secret_is_where_nobody_s_answer_is_known():
    assert answers_are_secret(ROWS)
    assert not answers_are_secret([*ROWS, {"questions": ["1"], "answers": [""], "truths": [["yes"]]}])
    assert not answers_are_secret([])


def test_a_drawn_copy_of_the_test_split_ends_in_a_file_to_upload(tmp_path, capsys):
    copy, out = tmp_path / "vqa", tmp_path / "out"
    made = ["data", "fake", "vqa-v2", "--split", "test2015", "--out", str(copy), "--images", "2"]
    assert main(made) == 0, capsys.readouterr().err
    flags = ["--data", "vqa-v2", "--path", str(copy), "--split", "test2015", "--model", "tiny"]
    assert main(["evaluate", *flags, "--method", "tag2text", "--out", str(out), "--allow-missing"]) == 0
    assert "are secret: upload" in capsys.readouterr().err
    asked = json.loads((copy / "v2_OpenEnded_mscoco_test2015_questions.json").read_text())["questions"]
    given = json.loads((out / "vqa_submission.json").read_text())
    assert [row["question_id"] for row in given] == sorted(row["question_id"] for row in asked)
    assert all(set(row) == {"question_id", "answer"} and isinstance(row["answer"], str) for row in given)
    assert not (out / "result.json").exists()

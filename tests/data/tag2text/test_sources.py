"""VQA's official files as questions to learn from: ten answers each, joined with COCO's file names."""

import json

import pytest

from tagalign.data.tag2text.records import TaggedRecord
from tagalign.data.tag2text.sources import questions_of, read_questions, with_questions
from tagalign.errors import DataError

NAME = "v2_OpenEnded_mscoco_train2014_questions.json"


def write_official(folder, said):
    rows = [
        {"question_id": 10 * i + n, "image_id": i, "question": f"what is {n}?"}
        for i in (1, 2)
        for n in (0, 1)
    ]
    (folder / NAME).write_text(json.dumps({"questions": rows}))
    answers = [{"question_id": row["question_id"], "answers": [{"answer": a} for a in said]} for row in rows]
    (folder / "v2_mscoco_train2014_annotations.json").write_text(json.dumps({"annotations": answers}))


def test_an_answer_weighs_as_many_people_as_gave_it(tmp_path):
    write_official(tmp_path, ["dog"] * 7 + ["cat"] * 3)
    found = read_questions(tmp_path / NAME)
    assert list(found) == ["COCO_train2014_000000000001.jpg", "COCO_train2014_000000000002.jpg"]
    pairs = found["COCO_train2014_000000000001.jpg"]
    assert len(pairs) == 20
    assert pairs.count(("what is 1?", "dog")) == 7
    record = TaggedRecord(
        key="k", image="train2014/COCO_train2014_000000000002.jpg", captions=("a",), tags=((),)
    )
    other = TaggedRecord(key="o", image="other.jpg", captions=("a",), tags=((),))
    assert len(questions_of(record, found)) == 20
    assert with_questions([record, other], found, place="x") == [record]


def test_what_cannot_be_learned_from_is_one_line(tmp_path):
    write_official(tmp_path, [])
    with pytest.raises(DataError, match="no question has an answer; those of test splits are secret"):
        read_questions(tmp_path / NAME)
    (tmp_path / "own.json").write_text("{}")
    with pytest.raises(DataError, match="by its own name"):
        read_questions(tmp_path / "own.json")
    (tmp_path / "v2_mscoco_train2014_annotations.json").unlink()
    with pytest.raises(DataError, match="the answers of train2014"):
        read_questions(tmp_path / NAME)

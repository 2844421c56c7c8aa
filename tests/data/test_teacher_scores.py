"""Scores of a tagger by the keys of pairs: against the rows of the files themselves, in every form of a key."""

import json

import numpy as np
import pytest
import torch

from tagalign.data.pairs import find_shards
from tagalign.data.teacher_scores import load_teacher
from tagalign.errors import DataError
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.tasks.photos.rows import TAG_SCHEMA, write_rows

NAMES = ["red", "cat", "dog", "car"]  # "red" is an attribute: it comes last in what is learned
SCORES = np.random.default_rng(0).random((6, 4)).astype(np.float32)
SCORES[2] = 0  # a photo on which the tagger is silent


def write_run(folder, keys, scores=SCORES):
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"labels": NAMES}))
    rows = [{"key": key, "scores": row.tolist()} for key, row in zip(keys, scores, strict=True)]
    write_rows(folder / "tags" / "part-00000.parquet", rows[:4], TAG_SCHEMA)
    write_rows(folder / "tags" / "part-00001.parquet", rows[4:], TAG_SCHEMA)
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    rows = [{"key": f"day/{i}", "image": f"day/{i}.jpg", "caption": "a cat"} for i in range(6)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return find_shards([str(path)])


def by_name(teacher, key):
    rows = teacher.rows([key])
    return {
        teacher.names[tag]: weight
        for tag, weight in zip(rows.tags.tolist(), rows.weights.tolist(), strict=True)
    }


@pytest.mark.parametrize("top", [1, 2, 10])
def test_each_pair_gets_the_best_scores_of_its_photo(tmp_path, pairs, top):
    order = [3, 0, 5, 1, 4, 2]  # photos were tagged in another order than pairs stand
    run = write_run(tmp_path / "run", [f"day/{i}.jpg" for i in order], SCORES[order])
    teacher = load_teacher(run, pairs, top=top)
    for i in range(6):
        best = sorted(range(4), key=lambda k: -SCORES[i][k])[:top]
        assert by_name(teacher, f"day/{i}") == {NAMES[k]: SCORES[i][k] for k in best if SCORES[i][k] > 0}
    assert by_name(teacher, "another") == {}


def test_a_batch_is_its_pairs_beside_each_other(tmp_path, pairs):
    teacher = load_teacher(write_run(tmp_path / "run", [f"day/{i}.jpg" for i in range(6)]), pairs, top=3)
    keys = ["day/4", "day/2", "elsewhere", "day/4"]
    rows = teacher.rows(keys)
    assert rows.num_images == 4
    assert rows.images.tolist() == [0, 0, 0, 3, 3, 3]
    assert torch.equal(rows.weights[:3], teacher.rows(["day/4"]).weights)


def test_kinds_stand_together(tmp_path, pairs):
    run = write_run(tmp_path / "run", [f"day/{i}.jpg" for i in range(6)])
    vocabulary = TagVocabulary.of([("object", "cat", 1), ("attribute", "red", 1)])
    teacher = load_teacher(run, pairs, top=4, vocabulary=vocabulary)
    assert (teacher.names, teacher.parts) == (("cat", "dog", "car", "red"), (3, 1))
    assert load_teacher(run, pairs, top=4).parts == (4,)


@pytest.mark.parametrize(
    "form", ["day/{}", "day/{}.jpg", "pairs/00000.tar/{}.png", "/home/of/somebody/{}.jpg"]
)
def test_photos_meet_pairs_by_what_of_their_path_is_the_key(tmp_path, form):
    key = "day/{}" if form.startswith("day") else "{}"
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        "".join(
            json.dumps({"key": key.format(i), "image": "x.jpg", "caption": "a cat"}) + "\n" for i in range(6)
        )
    )
    run = write_run(tmp_path / "run", [form.format(i) for i in range(6)])
    teacher = load_teacher(run, find_shards([str(path)]), top=1)
    assert list(by_name(teacher, key.format(1)).values()) == [SCORES[1].max()]


def test_the_mark_tells_other_scores(tmp_path, pairs):
    keys = [f"day/{i}.jpg" for i in range(6)]
    first, same = (load_teacher(write_run(tmp_path / name, keys), pairs, top=2) for name in "ab")
    other = load_teacher(write_run(tmp_path / "c", keys, SCORES[::-1].copy()), pairs, top=2)
    assert first.mark == same.mark != other.mark


@pytest.mark.parametrize(
    ("keys", "scores", "message"),
    [
        (["a.jpg"] * 6, SCORES, r"holds scores of 0 of 6 pairs .* like 'day/0'.*its photos are 'a.jpg'"),
        (["day/0.jpg", *[f"day/{i}.jpg" for i in range(5)]], SCORES, "two photos have one key"),
        ([f"day/{i}.jpg" for i in range(6)], -SCORES, "expected 4 scores of at least 0"),
        ([f"day/{i}.jpg" for i in range(6)], SCORES[:, :2], "expected 4 scores of at least 0"),
        ([f"day/{i}.jpg" for i in range(6)], SCORES * np.nan, "expected 4 scores of at least 0"),
    ],
)
def test_scores_that_cannot_be_used_are_refused(tmp_path, pairs, keys, scores, message):
    with pytest.raises(DataError, match=message):
        load_teacher(write_run(tmp_path / "run", keys, scores), pairs, top=2)


def test_a_folder_of_something_else_is_refused(tmp_path, pairs):
    with pytest.raises(DataError, match=r"settings.json is missing"):
        load_teacher(tmp_path, pairs, top=2)
    (tmp_path / "settings.json").write_text(json.dumps({"labels": NAMES}))
    with pytest.raises(DataError, match="no row of tags"):
        load_teacher(tmp_path, pairs, top=2)
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "part-00000.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match="not a part of what tagalign tag writes"):
        load_teacher(tmp_path, pairs, top=2)

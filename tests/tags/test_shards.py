"""Tag shards come back as they were written, in both formats and in pieces; files of other tools are read as ours."""

import json

import pytest

from tagalign.errors import DataError
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.shards import FIELDS, FORMATS, open_writer, read_batches, read_rows, shard_paths, to_batch

KEYS, CAPTIONS = ["a", "b", "c"], ["a red dog", "", "dogs \u732b"]
PARSES = [
    ParsedCaption(objects=("dog",), attributes=("red",), pairs=(("dog", "red"),), scenes=("park",)),
    ParsedCaption(),
    ParsedCaption(objects=("dog", "\u732b"), actions=("run",), relations=(("dog", "on", "\u732b"),)),
]


def written(path, fields=tuple(FIELDS), format="parquet"):
    with open_writer(path, fields, format=format) as writer:
        writer.write_batch(to_batch(KEYS[:2], CAPTIONS[:2], PARSES[:2], fields))
        writer.write_batch(to_batch(KEYS[2:], CAPTIONS[2:], PARSES[2:], fields))
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_rows_come_back(tmp_path, format):
    rows = list(read_rows(written(tmp_path / f"x.{format}", format=format)))
    assert [(row.key, row.caption, row.parse) for row in rows] == list(
        zip(KEYS, CAPTIONS, PARSES, strict=True)
    )


@pytest.mark.parametrize("format", FORMATS)
def test_fields_that_a_parser_does_not_give_are_not_written(tmp_path, format):
    path = written(tmp_path / f"x.{format}", ("objects",), format)
    (first, *_) = read_batches(path)
    assert first.schema.names == ["key", "caption", "objects"]
    assert [row.parse.objects for row in read_rows(path)] == [parse.objects for parse in PARSES]


@pytest.mark.parametrize("format", FORMATS)
def test_pieces_have_so_many_rows_and_the_columns_that_are_asked(tmp_path, format):
    path = written(tmp_path / f"x.{format}", format=format)
    batches = list(read_batches(path, columns=["key", "objects", "unknown"], size=2))
    assert [key for batch in batches for key in batch.column("key").to_pylist()] == KEYS
    assert all(batch.num_rows <= 2 and batch.schema.names == ["key", "objects"] for batch in batches)


def test_json_lines_are_utf_8_with_lists(tmp_path):
    lines = written(tmp_path / "x.jsonl", format="jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[2])["objects"] == ["dog", "\u732b"]
    assert "\u732b" in lines[2]


def test_pairs_may_stand_among_the_attributes_and_counts_are_none(tmp_path):
    path = tmp_path / "theirs.jsonl"
    path.write_text(json.dumps({
        "key": 7, "objects": ["dog"], "attributes": [["dog", "red"], ["dog", "two"], "wet"],
        "quantities": [["dog", "two"]], "relations": [["dog", "on", "grass"]],
    }) + "\n\n")  # fmt: skip
    (row,) = read_rows(path)
    assert (row.key, row.caption) == ("7", "")
    assert row.parse == ParsedCaption(
        objects=("dog",),
        attributes=("red", "wet"),
        pairs=(("dog", "red"),),
        relations=(("dog", "on", "grass"),),
    )


def test_shards_of_a_folder_in_order_without_its_errors(tmp_path):
    for name in ("b.jsonl", "a.parquet", "errors.jsonl", "b.errors.jsonl", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in shard_paths(tmp_path)] == ["a.parquet", "b.jsonl"]
    assert shard_paths(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]
    with pytest.raises(DataError, match="holds no tag shards"):
        shard_paths(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ['{"key": "a"}', "[1]", "{", '{"key": "a", "objects": 5}'])
def test_what_holds_no_tags_is_refused_by_name(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(DataError, match="x.jsonl".replace(".", r"\.")):
        list(read_rows(path))

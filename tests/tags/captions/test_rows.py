"""The rule of keys and captions, with values worked out by hand."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.tags.captions import BadRow, read_captions
from tagalign.tags.captions.rows import MAX_KEY, RowRule


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"key": 100, "image": "a.jpg"}, "100"),
        ({"key": 0, "image": "a.jpg"}, "0"),
        ({"key": 1.5}, "1.5"),
        ({"key": float("nan"), "image": "a.jpg"}, "a.jpg"),
        ({"key": None, "image": "a.jpg"}, "a.jpg"),
        ({"key": "  ", "image": "a.jpg"}, "a.jpg"),
        ({"key": " k ", "image": "a.jpg"}, "k"),
        ({"Key": "k"}, "k"),
        ({"key": "a/b c/ü#1"}, "a/b c/ü#1"),
        ({"key": "k" * MAX_KEY}, "k" * MAX_KEY),
        ({"image": {"bytes": b"x", "path": "a.jpg"}}, "f:7"),  # an image inside of the file has no name
        ({}, "f:7"),
    ],
)
def test_keys(record, key):
    assert RowRule("f").row({**record, "caption": "a dog"}, 7)[:2] == (key, "a dog")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"key": True, "caption": "a"}, "must be a text or a number, got bool"),
        ({"key": ["k"], "caption": "a"}, "must be a text or a number, got list"),
        ({"key": "a\nb", "caption": "a"}, "the key holds a line break"),
        ({"key": "a\0b", "caption": "a"}, "the key holds a NUL byte"),
        ({"key": "\ud800", "caption": "a"}, "surrogate"),
        ({"key": "k" * (MAX_KEY + 1), "caption": "a"}, f"{MAX_KEY + 1} characters"),
        ({"key": "k", "caption": 7}, r"no text in 'caption' \(int\); the record has key, caption"),
        ({"key": "k", "caption": None}, "nothing there"),
        ({"key": "k", "caption": ["a", "b"]}, "several texts; give each a record"),
        ({"key": "k", "caption": " \n"}, "the caption is empty"),
        ({"key": "k", "caption": "a\0b"}, "the caption holds a NUL byte"),
        ({"key": "k", "caption": "a \udcff"}, "surrogate"),
        ({"key": "k", "text": "a"}, "the record has key, text"),
        ([1], "expected an object with a 'caption' field, got list"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_caption_is_named_in_words_that_any_file_takes(record, words):
    row = RowRule("f").row(record, 7)
    assert isinstance(row, BadRow)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(row.message)
    json.dumps([row.place, row.message], ensure_ascii=False).encode()


def test_a_named_key_column_must_be_there():
    assert RowRule("f", key="id").row({"key": "k", "caption": "a"}, 1).reason == "no key"


def test_parquet_keys_of_every_type_are_read_as_other_containers_have_them(tmp_path):
    columns = {
        "int": pa.array([100, 0], pa.int64()),
        "float": pa.array([1.5, None]),
        "category": pa.array(["a", "b"]).dictionary_encode(),
        "large": pa.array(["a", "b"], pa.large_string()),
        "unmarked": pa.array([b"a", b"b"], pa.binary()),
    }
    expected = {"int": ["100", "0"], "float": ["1.5", "x:2"]}
    for name, keys in columns.items():
        pq.write_table(pa.table({"key": keys, "caption": ["a dog", "a cat"]}), tmp_path / "x.parquet")
        assert [row.key for row in read_captions(tmp_path / "x.parquet")] == expected.get(name, ["a", "b"]), (
            name
        )

"""Values of a JSON list, piece by piece, against the standard reader at every size of the piece."""

import json
import random
import time

import pytest

from tagalign.data import json_items as module
from tagalign.data.json_items import json_items, json_members

LISTS = [
    "[]",
    " [ ]\n",
    "[1]",
    "[12345, 6.5e3 ,-7]",
    '["a,]b", {"c": [1, [2]]}, null,\n true]',
    '[{"x": "é\\"]"}]',
]


@pytest.mark.parametrize("text", LISTS)
def test_values_are_those_of_the_standard_reader(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    for chunk in range(1, len(text) + 2):
        assert list(json_items(path, chunk=chunk)) == json.loads(text)


def test_random_documents(tmp_path):
    rng, path = random.Random(0), tmp_path / "x.json"

    def value(depth):
        kind = rng.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        if kind == 5:
            return {str(i): value(depth - 1) for i in range(rng.randrange(4))}
        return [rng.randrange(10**6), rng.random(), "".join(rng.choices('ab],[{}" ', k=5)), None][kind]

    for _ in range(60):
        whole = [value(2) for _ in range(rng.randrange(6))]
        path.write_text(json.dumps(whole, indent=rng.choice([None, 2])))
        assert list(json_items(path, chunk=rng.randrange(1, 40))) == whole


@pytest.mark.parametrize("text", ["", "{}", "[", "[1", "[1,", "[1 2]", "[1,]", "[1]x", "nope", '["a', "[1]]"])
def test_what_the_standard_reader_refuses_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    for chunk in (1, 2, 100):
        with pytest.raises(ValueError):  # noqa: PT011 - any of the reader's words
            list(json_items(path, chunk=chunk))


OBJECTS = [
    "{}",
    ' { "a" : 1 } ',
    '{"a": [], "b": [1, {"c": [2, 3]}], "d": {"e": [4]}, "f": null}',
    '{"é\\"]}": [true, "x]"], "n": 6.5}',
]


@pytest.mark.parametrize("text", OBJECTS)
def test_members_are_those_of_the_standard_reader(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    members = json.loads(text).items()
    expected = [
        (name, one) for name, value in members for one in (value if isinstance(value, list) else [value])
    ]
    for chunk in range(1, len(text) + 2):
        assert list(json_members(path, chunk=chunk)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"', '{"a":', '{"a": 1', '{"a": [1}', '{"a": 1 "b": 2}', '{"a": 1,}', "{1: 2}", "{}x"],
)
def test_a_damaged_object_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    for chunk in (1, 2, 100):
        with pytest.raises(ValueError):  # noqa: PT011 - any of the reader's words
            list(json_members(path, chunk=chunk))


def test_a_value_that_does_not_end_is_no_reason_to_read_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 100)
    path = tmp_path / "x.json"
    path.write_text('[{"a": [' + "1, " * 5000)
    with pytest.raises(ValueError, match="more than 100 characters"):
        list(json_items(path, chunk=64))


def test_a_file_of_blanks_is_refused_at_once(tmp_path):
    """Character by character this took half a minute."""
    path = tmp_path / "a.json"
    path.write_bytes(b" \n" * 5_000_000)
    begun = time.process_time()
    with pytest.raises(ValueError, match="Expecting value"):
        list(json_items(path))
    assert time.process_time() - begun < 2  # 0.05 s here


def test_the_rest_of_a_piece_is_not_looked_through_for_each_value(tmp_path):
    """A set of all its characters was made for every value, 8 ms each: an hour for a file of 300 MB."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": i, "text": "a" * 300} for i in range(3000)]))
    begun = time.process_time()
    assert sum(1 for _ in json_items(path)) == 3000
    assert time.process_time() - begun < 2  # 0.05 s here, and 15 s before

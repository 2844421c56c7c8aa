"""A record beside a photo: the name of its file is the key, and what is no record says why."""

import json

import pytest

from tagalign.tags.captions.rows import BadRow, RowRule
from tagalign.tags.captions.samples import record_row

RULE = RowRule(stem="x")


def row(content):
    return record_row("photo", content, RULE, "x.tar:photo.json")


def test_the_name_of_the_file_is_the_key_whatever_the_record_says():
    found = row(json.dumps({"key": "other", "caption": "a dog"}).encode())
    assert (found.key, found.caption) == ("photo", "a dog")


def test_a_record_in_another_encoding_is_read():
    assert row(json.dumps({"caption": "ein Bär"}, ensure_ascii=False).encode("utf-16")).caption == "ein Bär"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "not JSON"), (b"[1]", "expected an object, got list"), (b"[" * 100_000, "not JSON")],
)
def test_what_is_no_record_says_why(content, said):
    found = row(content)
    assert isinstance(found, BadRow)
    assert found.reason == "no caption"
    assert said in found.message

"""Keys of paths: every format can hold them, no two paths share one, and each leads back; by drawn paths and by hand."""

import csv
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagalign.tasks.photos.keys import key_of, path_of, printable

BYTES = st.binary(min_size=1, max_size=12).filter(lambda raw: b"\0" not in raw)
TRICKY = st.text(alphabet="\\x5ce9a", min_size=1, max_size=12)


@given(BYTES.map(os.fsdecode) | TRICKY)
def test_every_key_is_text_and_leads_back(path):
    key = key_of(path)
    assert key.encode("utf-8").decode("utf-8") == key
    assert json.loads(json.dumps(key)) == key
    assert next(csv.reader(io.StringIO(f'"{key.replace(chr(34), chr(34) * 2)}"\n'))) == [key]
    assert path_of(key) == path


@given(TRICKY, TRICKY)
def test_no_two_paths_share_a_key(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("day 1/犬.jpg", "day 1/犬.jpg"),
        ("a\\b.jpg", "a\\b.jpg"),  # an ordinary backslash is left alone
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("caf\\xe9.png", "caf\\x5cxe9.png"),
        ("two\nlines", "two\\x0alines"),
    ],
)
def test_keys_by_hand(path, key):
    assert key_of(path) == key


def test_a_message_stays_one_line_and_keeps_its_letters():
    assert printable("犬\n" + os.fsdecode(b"\xe9")) == "犬\\x0a\\xe9"
    assert printable("caf\\xe9") == "caf\\xe9"

"""One line of JSON on standard output, in letters that the stream holds."""

import io
import json
import sys

import pytest

from tagalign.cli.shared.output import counted, print_json


@pytest.mark.parametrize(
    ("encoding", "is_ascii"), [("utf-8", False), ("UTF8", False), ("ascii", True), ("cp1252", True)]
)
def test_json_is_written_in_letters_that_the_stream_holds(monkeypatch, encoding, is_ascii):
    bytes_out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_out, encoding=encoding))
    value = {"labels": ["犬", "é"], "score": 0.1}
    print_json(value)
    line = bytes_out.getvalue()
    assert line.isascii() is is_ascii
    assert line.count(b"\n") == 1
    assert json.loads(line.decode(encoding)) == value


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (1234567, "1,234,567 photos")]
)
def test_a_number_and_what_it_counts(count, said):
    assert counted(count, "photo") == said

"""Files in every encoding that people have give the text that Python's codecs give."""

import gzip

import pytest

from tagalign.errors import DataError
from tagalign.tags.captions import BadRow, read_captions
from tagalign.tags.text_files import read_text, text_lines

TEXT = "key,caption\r\nk1,a café\r\nk2,zwei Hunde – groß\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_told_apart(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    assert "".join(text_lines(tmp_path / "a.csv")) == TEXT
    assert read_text(tmp_path / "a.csv") == TEXT.replace("\r\n", "\n")
    captions = [row[:2] for row in read_captions(tmp_path / "a.csv")]
    assert captions == [("k1", "a café"), ("k2", "zwei Hunde – groß")]


def test_latin_1_is_read_with_a_warning_and_a_stray_byte_costs_no_line(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"key,caption\nk1,a caf\xe9\nk2,a \xc3\xa9t\xc3\xa9\n")
    with pytest.warns(UserWarning, match=r"a\.csv: line 2 is not UTF-8; such lines are read as Windows-1252"):
        assert [row.caption for row in read_captions(tmp_path / "a.csv")] == ["a café", "a été"]


def test_line_ends_of_old_macintoshes(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"key\tcaption\rk1\ta dog\rk2\ta cat\r")
    assert [row[:2] for row in read_captions(tmp_path / "a.tsv")] == [("k1", "a dog"), ("k2", "a cat")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "save it as CSV"),
        (gzip.compress(b"a", mtime=0), "must end in .gz"),
        (b"PAR1rest", "Parquet"),
    ],
)
def test_files_under_a_wrong_name_are_refused_in_one_line(tmp_path, content, words):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=words):
        list(read_captions(tmp_path / "a.csv"))


def test_zero_bytes_cost_their_line_alone(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        b'{"key": "a", "caption": "x\\u0000y"}\n{"key": "b", "caption": "a dog"}\n{"key": "c", "caption": "\\ud800"}\n\0\n'
    )
    rows = list(read_captions(tmp_path / "a.jsonl"))
    assert [row.place for row in rows if isinstance(row, BadRow)] == ["1", "3", "4"]

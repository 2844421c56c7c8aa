"""JSONL and text as other programs leave them: marks in the middle, packings, documents under the name of lines."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pytest

from tagalign.data.pairs import read_pairs
from tagalign.errors import DataError
from tagalign.tags.captions import BadRow, read_captions

RECORDS = [
    {"key": "k1", "image": "a.jpg", "caption": "a dog"},
    {"key": "k2", "image": "b.jpg", "caption": "caf\u00e9"},
]
FIRST, SECOND = (json.dumps(record, ensure_ascii=False) for record in RECORDS)
EXPECTED = [("k1", "a dog"), ("k2", "caf\u00e9")]


def both(path):
    captions = [row[:2] for row in read_captions(path) if not isinstance(row, BadRow)]
    return captions, [(pair.key, pair.caption) for pair in read_pairs([path])]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{FIRST}\n{SECOND}\n",
        f"\ufeff\ufeff{FIRST}\n{SECOND}",  # a mark that was written twice
        f"{FIRST}\n\ufeff{SECOND}\n",  # two files put one behind the other
        f"{FIRST}\r{SECOND}\r",
        f"{FIRST}\r\n\r\n{SECOND}\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_marks_and_line_ends_cost_no_record(tmp_path, text, encoding):
    (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
    assert both(tmp_path / "a.jsonl") == (EXPECTED, EXPECTED)


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda raw: pa.compress(raw, codec="zstd", asbytes=True)),
        (
            ".gz",
            lambda raw: gzip.compress(raw[:60]) + gzip.compress(raw[60:]),
        ),  # two members, as pigz and cat write
        (".GZ", gzip.compress),
    ],
)
def test_packed_files(tmp_path, ending, pack):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(pack(f"{FIRST}\n{SECOND}\n".encode()))
    assert both(path) == (EXPECTED, EXPECTED)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"cannot (be )?read"):
        both(path)


@pytest.mark.parametrize(
    "text", [json.dumps(RECORDS), json.dumps(RECORDS, indent=1), json.dumps(RECORDS[0], indent=1)]
)
def test_a_document_under_the_name_of_lines_is_one_sentence(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    for read in (lambda path: list(read_captions(path)), lambda path: list(read_pairs([path]))):
        with pytest.raises(
            DataError, match=r"one JSON document, not a record a line; its name must end in \.json"
        ):
            read(tmp_path / "a.jsonl")


def test_a_packed_file_under_a_plain_name_is_refused_by_both_readers(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(FIRST.encode()))
    for read in (lambda path: list(read_captions(path)), lambda path: list(read_pairs([path]))):
        with pytest.raises(DataError, match=r"packed with gzip; its name must end in \.gz"):
            read(tmp_path / "a.jsonl")


def test_separators_of_other_systems_and_zero_bytes_stay_in_their_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffa dog\r\n\r\n  \na\0b\nc\u2028d\nx\ry\n".encode())
    rows = list(read_captions(tmp_path / "a.txt"))
    assert [row.place for row in rows if isinstance(row, BadRow)] == ["4"]
    assert [row[:2] for row in rows if not isinstance(row, BadRow)] == [
        ("a:1", "a dog"),
        ("a:5", "c\u2028d"),
        ("a:6", "x\ry"),
    ]

"""Lists and tables as people and spreadsheets write them; tables against those that Python's csv wrote."""

import csv

import pytest

from tagalign.errors import DataError
from tagalign.tags.lists import read_list, read_table, unquoted


def written(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "list.txt"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"hot dog, big"', "hot dog, big"),
        ('5" pipe', '5" pipe'),
        ('"say ""hi"""', 'say "hi"'),
        ('"', '"'),
        ("", ""),
    ],
)
def test_quotes_around_a_whole_cell_go(cell, text):
    assert unquoted(cell) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_entry_a_line_in_any_encoding(tmp_path, encoding):
    path = written(tmp_path, ' dog\r\n\n"red car"\n犬\t\n', encoding)
    assert read_list(path) == ["dog", "red car", "犬"]


@pytest.mark.parametrize("mark", ["\t", ";", ","])
def test_a_table_of_pythons_writer_comes_back(tmp_path, mark):
    rows = [["red; car", "1"], ["two\nlines", "2"], ["a, b", '3"']]
    path = tmp_path / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=mark).writerows([["Tag", " count"], *rows])
    found = read_table(path, ["tag", "count"])
    assert [list(cells.values()) for _, cells in found] == rows
    assert all(list(cells) == ["tag", "count"] for _, cells in found)


def test_lines_are_numbered_as_an_editor_counts(tmp_path):
    path = written(tmp_path, "\ntag,count\n\ndog,1\n,\ncat,2\n")
    assert read_table(path, ["tag"]) == [(4, {"tag": "dog", "count": "1"}), (6, {"tag": "cat", "count": "2"})]


def test_excels_line_about_the_separator_is_heeded(tmp_path):
    path = written(tmp_path, "sep=;\ntag;count\na,b;1\n")
    assert read_table(path, ["tag"]) == [(3, {"tag": "a,b", "count": "1"})]


@pytest.mark.parametrize("content", ["word,count\ndog,1\n", "", "\n\n"])
def test_a_missing_column_is_named(tmp_path, content):
    with pytest.raises(DataError, match="the first line must be tag<TAB>count, it has no 'tag'"):
        read_table(written(tmp_path, content), ["tag", "count"])

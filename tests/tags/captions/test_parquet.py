"""Rows of Parquet against what was written; columns that are missing, twice there, or no text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.errors import DataError
from tagalign.tags.captions.parquet import caption_columns, is_text, parquet_rows
from tagalign.tags.captions.rows import BadRow, CaptionRow, RowRule

HERE = Path("x")


def written(path, **columns):
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_rows_come_in_order_with_keys_by_their_number(tmp_path):
    path = written(tmp_path / "pairs.parquet", Caption=["a dog", None, " a cat "], other=[1, 2, 3])
    first, second, third = parquet_rows(path, RowRule.of(path))
    assert first == CaptionRow("pairs:1", "a dog", None)
    assert isinstance(second, BadRow)
    assert third == CaptionRow("pairs:3", "a cat", None)


def test_encoded_images_are_not_read_and_paths_are():
    names = {"caption": pa.string(), "key": pa.string(), "other": pa.int64()}
    for kind, wanted in ((pa.binary(), ["caption", "key"]), (pa.string(), ["caption", "key", "image"])):
        schema = pa.schema(names | {"image": kind})
        assert caption_columns(HERE, schema, RowRule("x")) == wanted


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.string(), True), (pa.large_string(), True), (pa.string_view(), True), (pa.binary(), False),
        (pa.dictionary(pa.int32(), pa.string()), True), (pa.dictionary(pa.int32(), pa.int64()), False),
        (pa.struct([("path", pa.string())]), False),
    ],
)  # fmt: skip
def test_texts_however_they_are_packed(kind, text):
    assert is_text(kind) is text


def test_columns_that_are_missing_or_twice_there_are_named():
    with pytest.raises(DataError, match="x has the columns a, key, none of them is 'caption'"):
        caption_columns(HERE, pa.schema({"a": pa.string(), "key": pa.string()}), RowRule("x"))
    with pytest.raises(DataError, match="none of them is 'id'"):
        caption_columns(HERE, pa.schema({"caption": pa.string()}), RowRule("x", key="id"))
    twice = pa.schema([("caption", pa.string()), ("caption", pa.string())])
    with pytest.raises(DataError, match="two columns called 'caption'"):
        caption_columns(HERE, twice, RowRule("x"))


def test_a_file_that_is_cut_off_is_named(tmp_path):
    path = written(tmp_path / "pairs.parquet", caption=["a dog"] * 100)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot read"):
        list(parquet_rows(path, RowRule.of(path)))

"""Tags are joined by key, whatever the order, from words and from ids."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.data.tag_table import load_tag_table
from tagalign.errors import DataError
from tagalign.tags.vocabulary import TagVocabulary

WORDS = pa.list_(pa.string())


@pytest.fixture
def vocabulary():
    return TagVocabulary.of([("object", "cat", 9), ("object", "dog", 5), ("attribute", "red", 3)])


def write_words(path, rows):
    keys, objects, attributes = zip(*rows, strict=True)
    columns = {"key": pa.array(keys), "caption": pa.array([""] * len(keys))}
    columns |= {"objects": pa.array(objects, WORDS), "attributes": pa.array(attributes, WORDS)}
    pq.write_table(pa.table(columns), path)


def write_ids(path, rows):
    keys, ids = zip(*rows, strict=True)
    pq.write_table(pa.table({"key": pa.array(keys), "tags": pa.array(ids, pa.list_(pa.int32()))}), path)


def test_words_and_ids_give_the_same_table(tmp_path, vocabulary):
    (tmp_path / "words").mkdir()
    write_words(tmp_path / "words" / "1.parquet", [("a", ["dog", "cat", "unknown"], ["red"]), ("b", [], [])])
    write_words(tmp_path / "words" / "2.parquet", [("c", ["dog"], [])])
    write_ids(tmp_path / "ids.parquet", [("c", [1]), ("b", []), ("a", [0, 1, 2])])
    for place in (tmp_path / "words", tmp_path / "ids.parquet"):
        table = load_tag_table(place, vocabulary)
        assert [table.find(key, "") for key in "abcd"] == [[0, 1, 2], [], [1], None]
    assert load_tag_table(tmp_path / "words", vocabulary, kinds=("object",)).find("a", "") == [0, 1]


def test_thousand_keys_are_all_found(tmp_path, vocabulary):
    rng = np.random.default_rng(0)
    rows = [
        (f"key/{i}", sorted(rng.choice(3, size=i % 3, replace=False).tolist())) for i in rng.permutation(1000)
    ]
    write_ids(tmp_path / "ids.parquet", rows)
    table = load_tag_table(tmp_path / "ids.parquet", vocabulary)
    assert all(table.find(key, "") == tags for key, tags in rows)


def test_wrong_tables_are_refused(tmp_path, vocabulary):
    write_ids(tmp_path / "a.parquet", [("a", [0, 7])])
    with pytest.raises(DataError, match="tag id 7, the vocabulary has 3 tags"):
        load_tag_table(tmp_path / "a.parquet", vocabulary)
    write_ids(tmp_path / "b.parquet", [("a", [0]), ("a", [1])])
    with pytest.raises(DataError, match="two tag rows that differ"):
        load_tag_table(tmp_path / "b.parquet", vocabulary)
    write_ids(tmp_path / "c.parquet", [("a", [0]), (None, [1])])
    with pytest.raises(DataError, match="every row needs a key"):
        load_tag_table(tmp_path / "c.parquet", vocabulary)

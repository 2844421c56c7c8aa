"""Tags and pairs that do not belong together are noticed before anything is trained, with the keys of both sides."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.data.pairs import find_shards
from tagalign.data.tag_join import check_join
from tagalign.data.tag_table import TagTable, load_tag_table
from tagalign.errors import DataError
from tagalign.tags.row_hashes import key_hash
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

VOCABULARY = TagVocabulary.of([("object", "cat", 9), ("object", "dog", 5)])


def table(keys):
    hashes = np.array([key_hash(key) for key in keys], dtype=np.int64)
    return TagTable(
        hashes, TagLabels(np.arange(len(keys) + 1), np.zeros(len(keys), np.int32)), examples=keys[:3]
    )


@pytest.fixture
def refs(tmp_path):
    rows = [{"key": i, "image": f"{i}.jpg", "caption": "a dog"} for i in range(100)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return find_shards([tmp_path / "a.jsonl"])


def test_a_join_of_nothing_is_refused_and_one_of_few_warns(refs):
    with pytest.raises(DataError, match=r"0 of 100 pairs .* '0', '1', '2', .*rows are of 'p:1', 'p:2'"):
        check_join(refs, table(["p:1", "p:2"]))
    with pytest.warns(
        UserWarning, match=r"10 of 100 pairs .* have a tag row; without one are '10', '11', '12'"
    ):
        check_join(refs, table([str(i) for i in range(10)]))
    check_join(refs, table([str(i) for i in range(60)]))  # more than half: some captions simply failed


def test_numbers_are_keys_and_composed_letters_do_not_part_them(tmp_path):
    tags = pa.array([[0], [1]], pa.list_(pa.int32()))
    pq.write_table(pa.table({"key": pa.array([100, 7]), "tags": tags}), tmp_path / "a.parquet")
    assert load_tag_table(tmp_path / "a.parquet", VOCABULARY).find("100", "") == [0]
    assert table(["cafe\u0301"]).find("caf\u00e9", "") == [0]


@pytest.mark.parametrize("words", [False, True])
def test_a_key_with_two_rows_is_named(tmp_path, words):
    keys = pa.array(["x", "a.jpg", "a.jpg"])
    if words:
        objects = pa.array([["cat"], ["cat"], ["dog"]], pa.list_(pa.string()))
        pq.write_table(pa.table({"key": keys, "objects": objects}), tmp_path / "a.parquet")
    else:
        pq.write_table(
            pa.table({"key": keys, "tags": pa.array([[0], [0], [1]], pa.list_(pa.int32()))}),
            tmp_path / "a.parquet",
        )
    with pytest.raises(
        DataError, match=r"the key 'a\.jpg' has two tag rows that differ \(\[0\] and \[1\]\).*of its own"
    ):
        load_tag_table(tmp_path / "a.parquet", VOCABULARY)


def test_rows_without_a_single_tag_of_the_list_are_refused(tmp_path):
    objects = pa.array([["zebra"], []], pa.list_(pa.string()))
    pq.write_table(pa.table({"key": ["a", "b"], "objects": objects}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"none of its 2 rows has a tag of the list \(cat, dog, \.\.\.\)"):
        load_tag_table(tmp_path / "a.parquet", VOCABULARY)


@pytest.mark.parametrize(
    ("tag_keys", "words"),
    [
        (["0.jpg", "1.jpg"], r"differ by an ending \('0', '0\.jpg'\)"),
        (["train/0", "train/1"], "are these the labels of the same pairs"),
    ],
)
def test_what_parts_the_keys_of_both_sides_is_said(refs, tag_keys, words):
    with pytest.raises(DataError, match=words):
        check_join(refs, table(tag_keys))


def test_endings_folders_and_case_are_found_from_the_pairs(tmp_path):
    for image, tag_key, words in (
        ("d/a.jpg", "d/a", "an ending"),
        ("d/a", "a", "a folder"),
        ("A", "a", "the case"),
    ):
        (tmp_path / "a.jsonl").write_text(json.dumps({"image": image, "caption": "a dog"}))
        with pytest.raises(DataError, match=f"differ by {words}"):
            check_join(find_shards([tmp_path / "a.jsonl"]), table([tag_key]))


def test_blanks_and_numbers_do_not_part_keys(tmp_path):
    """A folder keeps the blank at the end of a name, a record does not; Parquet has numbers where CSV has texts."""
    found = table(["a ", " b", "100", "7"])
    assert [found.find(key, "") for key in ("a", "b", " 100 ", "7")] == [[0]] * 4
    (tmp_path / "a.csv").write_text("key,image,caption\n100,x.jpg,a dog\n7,y.jpg,a cat\n")
    pq.write_table(
        pa.table({"key": [100, 7], "image": ["x.jpg", "y.jpg"], "caption": ["a", "b"]}),
        tmp_path / "a.parquet",
    )
    for name in ("a.csv", "a.parquet"):
        check_join(find_shards([tmp_path / name]), found)

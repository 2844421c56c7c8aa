"""The release's JSON and our Parquet hold the same records; broken files name the record."""

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.data.tag2text.records import (
    SCHEMA,
    TaggedRecord,
    clean_caption,
    join_labels,
    multi_hot,
    read_records,
)
from tagalign.errors import DataError

RECORDS = [
    TaggedRecord(
        key="a.jpg", image="a.jpg", captions=("A dog.", "dogs run"), tags=((0,), (0, 2)), union_tags=(2, 0, 3)
    ),
    TaggedRecord(key="b.jpg", image="b.jpg", captions=("nothing",), tags=((),)),
]


def write_json(records, path):
    """The release's form; it has no key."""
    rows = [
        {"image_path": one.image, "caption": one.captions, "parse_label_id": one.tags}
        | ({} if one.union_tags is None else {"union_label_id": one.union_tags})
        for one in records
    ]
    path.write_text(json.dumps(rows))


def write_parquet(records, path):
    """Our Parquet form, which other programs write."""
    pq.write_table(pa.Table.from_pylist([dataclasses.asdict(one) for one in records], schema=SCHEMA), path)


@pytest.mark.parametrize(("write", "name"), [(write_json, "x.json"), (write_parquet, "x.parquet")])
def test_round_trip(tmp_path, write, name):
    write(RECORDS, tmp_path / name)
    found = read_records(tmp_path / name, num_tags=4)
    assert list(found) == RECORDS
    assert found[-1] == RECORDS[1]
    assert found.image_path(found[0]) == tmp_path / "a.jpg"


def test_all_tags_prefers_the_union_of_the_image():
    assert RECORDS[0].all_tags() == (0, 2, 3)
    assert TaggedRecord(key="", image="", captions=("a", "b"), tags=((3, 1), (1,))).all_tags() == (1, 3)


def test_a_caption_may_be_a_plain_string(tmp_path):
    row = {"image_path": "a.jpg", "caption": "a dog", "parse_label_id": [[0]]}
    (tmp_path / "x.json").write_text(json.dumps([row]))
    assert read_records(tmp_path / "x.json", num_tags=1)[0].captions == ("a dog",)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{}", "expected a JSON list of records, got dict"),
        ("[", "expected the JSON list"),
        ('[{"caption": ["a"]}]', "record 0: expected image_path, caption and parse_label_id"),
        (
            '[{"image_path": "a", "caption": ["a", "b"], "parse_label_id": [[0]]}]',
            r"record 0 \(a\): expected one list of tag ids per caption, got 2 captions and 1 lists",
        ),
        (
            '[{"image_path": "a", "caption": ["a"], "parse_label_id": [[4]]}]',
            "tag id 4 is outside the list of 4 tags; was it labelled with another list",
        ),
        ('[{"image_path": "a", "caption": ["a"], "parse_label_id": [["x"]]}]', "tag id x is outside"),
        ('[{"image_path": "a", "caption": [], "parse_label_id": []}]', "got 0 captions"),
    ],
)
def test_broken_json_names_the_record(tmp_path, content, match):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=match):
        read_records(tmp_path / "x.json", num_tags=4)


def test_missing_files_and_columns_say_so(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"key": ["a"], "image": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="columns captions, tags are missing"):
        read_records(tmp_path / "x.parquet", num_tags=4)
    with pytest.raises(DataError, match="expected a Parquet file"):
        read_records(tmp_path / "none.parquet", num_tags=4)


def test_captions_of_one_image_become_one_record_also_where_they_stand_apart():
    pairs = [("k1", "a.jpg", "x", [1]), ("k3", "b.jpg", "z", [0, 2]), ("k2", "a.jpg", "y", [])]
    assert [(r.key, r.image, r.captions, r.tags) for r in join_labels(pairs)] == [
        ("k1", "a.jpg", ("x", "y"), ((1,), ())),
        ("k3", "b.jpg", ("z",), ((0, 2),)),
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("A man rides a horse, on the GRASS.", "a man rides a horse, on the grass"),
        ("  Two\n\ndogs: run! ", "two dogs run"),
    ],
)
def test_captions_are_cleaned_like_the_release(text, clean):
    assert clean_caption(text) == clean


def test_captions_are_cut_to_words():
    assert clean_caption("one two three", max_words=2) == "one two"


def test_multi_hot():
    assert multi_hot([2, 0, 2], 4).tolist() == [True, False, True, False]

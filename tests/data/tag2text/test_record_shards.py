"""Records of one file in pieces: the same records as when they are held, a copy that is made once, and what is refused.

Holds ``data/tag2text/shards.py``.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.data.pair_records import BrokenPairError
from tagalign.data.tag2text import record_shards
from tagalign.data.tag2text.record_shards import RecordsShard, record_refs
from tagalign.data.tag2text.records import SCHEMA, read_records
from tagalign.data.tag2text.shards import TaggedShards
from tagalign.errors import DataError


def release(count):
    return [
        {
            "image_path": f"photos/{i}.jpg",
            "caption": [f"a dog {i}", "a cat"][: 1 + i % 2],
            "parse_label_id": [[0, 2], [1]][: 1 + i % 2],
            **({"union_label_id": [0, 1, 2]} if i % 3 == 0 else {}),
        }
        for i in range(count)
    ]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(record_shards, "PIECE", 3)
    monkeypatch.setattr(record_shards, "LARGEST_GROUP", 4)
    (tmp_path / "all.json").write_text(json.dumps(release(10)))
    held = read_records(tmp_path / "all.json", num_tags=3)
    rows = [{name: getattr(record, name) for name in SCHEMA.names} for record in held]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    pq.write_table(table, tmp_path / "one.parquet")  # one group of ten
    pq.write_table(table, tmp_path / "small.parquet", row_group_size=4)
    return tmp_path, list(held)


@pytest.mark.parametrize(
    ("name", "groups", "copied"),
    [("all.json", 4, True), ("one.parquet", 4, True), ("small.parquet", 3, False)],
)
def test_pieces_hold_the_records_of_the_whole_file(files, name, groups, copied):
    folder, held = files
    refs = record_refs(folder / name, num_tags=3, kept=folder / "out")
    assert (len(refs), (folder / "out/records.parquet").exists()) == (groups, copied)
    shards, found = TaggedShards(refs=tuple(refs), num_tags=3), []
    for ref in refs:
        shard = RecordsShard(ref)
        for number in range(len(shard)):
            record = shards.record(shard, number)
            assert shards.photo(shard, number) == folder / record.image
            assert shard.row(number).caption == record.captions[0]
            found.append(record)
    assert found == held
    assert list(shards.captions()) == [text for record in held for text in record.captions]


def test_a_copy_is_taken_again_and_made_anew_for_another_file(files):
    folder, _ = files
    kept = folder / "out"
    record_refs(folder / "all.json", num_tags=3, kept=kept)
    first = (kept / "records.parquet").stat().st_mtime_ns
    record_refs(folder / "all.json", num_tags=3, kept=kept)
    assert (kept / "records.parquet").stat().st_mtime_ns == first
    (folder / "all.json").write_text(json.dumps(release(2)))
    refs = record_refs(folder / "all.json", num_tags=3, kept=kept)
    assert sum(len(RecordsShard(ref)) for ref in refs) == 2


def test_damaged_records_are_named_and_leave_no_copy(files):
    folder, _ = files
    (folder / "bad.json").write_text(json.dumps([*release(5), {**release(1)[0], "parse_label_id": [[7]]}]))
    with pytest.raises(DataError, match=r"record 5 .*tag id 7 is outside the list of 3"):
        record_refs(folder / "bad.json", num_tags=3, kept=folder / "out")
    assert not (folder / "out/records.parquet").exists()
    (folder / "cut.json").write_text(json.dumps(release(5))[:-20])
    with pytest.raises(DataError, match="expected the JSON list of a Tag2Text data set"):
        record_refs(folder / "cut.json", num_tags=3, kept=folder / "out")
    (folder / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="expected a Parquet file"):
        record_refs(folder / "no.parquet", num_tags=3, kept=folder / "out")
    (folder / "none.json").write_text("[]")
    with pytest.raises(DataError, match="no record in it"):
        record_refs(folder / "none.json", num_tags=3, kept=folder / "out")


def test_groups_that_are_read_where_they_lie_are_checked_when_they_are_read(files):
    folder, _ = files
    (ref, *_) = record_refs(folder / "small.parquet", num_tags=3, kept=folder / "out")
    with pytest.raises(DataError, match=r"record 0 .*tag id 2 is outside the list of 1 tags"):
        RecordsShard(ref).record(0, 1)
    row = {"key": "a", "image": "a.jpg", "captions": [], "tags": [], "union_tags": None}
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), folder / "empty.parquet")
    (ref,) = record_refs(folder / "empty.parquet", num_tags=3, kept=folder / "out")
    with pytest.raises(BrokenPairError, match="no caption"):
        RecordsShard(ref).pair(0)
    pq.write_table(pa.table({"key": ["a"]}), folder / "other.parquet")
    (ref,) = record_refs(folder / "other.parquet", num_tags=3, kept=folder / "out")
    with pytest.raises(DataError, match="the columns captions, image, tags are missing"):
        RecordsShard(ref)

"""What is finished stays finished while its input and its file are the same, and other settings never mix with it."""

import json
import os

import pytest

from tagalign.errors import DataError
from tagalign.tags.manifest import Manifest, source_stamp


def finished(folder, name="a.parquet", source="one"):
    manifest = Manifest.open(folder / "manifest.json", {"parser": "rules"})
    (folder / name).write_bytes(b"12345")
    manifest.finish(name, source, rows=3, failed=1)
    return manifest


def test_a_finished_shard_is_done_in_the_next_run(tmp_path):
    finished(tmp_path)
    again = Manifest.open(tmp_path / "manifest.json", {"parser": "rules"})
    assert again.is_done("a.parquet", "one")
    assert not again.is_done("b.parquet", "one")
    assert not again.is_done("a.parquet", "another input")
    assert (again.shards["a.parquet"].rows, again.shards["a.parquet"].failed) == (3, 1)


def test_a_shard_that_was_cut_off_or_removed_is_not(tmp_path):
    manifest = finished(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"1234")
    assert not manifest.is_done("a.parquet", "one")
    (tmp_path / "a.parquet").unlink()
    assert not manifest.is_done("a.parquet", "one")


def test_other_settings_are_refused_by_name_or_begin_anew(tmp_path):
    path = tmp_path / "manifest.json"
    finished(tmp_path)
    with pytest.raises(DataError, match="parser was rules, now llm"):
        Manifest.open(path, {"parser": "llm"})
    assert Manifest.open(path, {"parser": "llm"}, overwrite=True).shards == {}


def test_settings_are_compared_as_json_gives_them_back(tmp_path):
    first = Manifest.open(tmp_path / "manifest.json", {"kinds": ("object", "scene")})
    first.save()
    assert (
        Manifest.open(tmp_path / "manifest.json", {"kinds": ["object", "scene"]}).settings == first.settings
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"settings": {}, "shards": {"a": {"rows": 1}}}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        Manifest.open(path, {})


def test_shards_are_written_in_order(tmp_path):
    finished(tmp_path, "b.parquet")
    manifest = Manifest.open(tmp_path / "manifest.json", {"parser": "rules"})
    (tmp_path / "a.parquet").write_bytes(b"1")
    manifest.finish("a.parquet", "two", rows=0, failed=0)
    assert list(json.loads(manifest.path.read_text())["shards"]) == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("place", [0, 2**20 + 5, 2**21 + 9])
def test_the_stamp_of_a_file_hears_an_edit_at_either_end_and_a_touch(tmp_path, place):
    path = tmp_path / "in.tar"
    path.write_bytes(bytes(2**21 + 10))
    os.utime(path, ns=(5, 5))
    before = source_stamp(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    os.utime(path, ns=(5, 5))
    is_read = place < 2**20 or place >= 2**20 + 10  # the ten bytes between both ends are not
    assert (source_stamp(path) != before) == is_read
    os.utime(path, ns=(5, 6))
    assert source_stamp(path) != before


def test_the_stamp_of_a_folder_hears_captions_and_names_of_photos(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"photo")
    (tmp_path / "a.txt").write_text("a dog")
    before = source_stamp(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"another photo")
    (tmp_path / "notes.log").write_text("nothing of ours")
    assert source_stamp(tmp_path) == before
    (tmp_path / "a.txt").write_text("a cat, longer")
    changed = source_stamp(tmp_path)
    assert changed != before
    (tmp_path / "b.jpg").write_bytes(b"photo")
    assert source_stamp(tmp_path) != changed

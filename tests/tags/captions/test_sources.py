"""What inputs mean, the same for parsing and for training."""

import json
import tarfile

import pytest

from tagalign.cli.main import main
from tagalign.data.pairs import find_shards, read_pairs
from tagalign.errors import InputError
from tagalign.tags.captions import find_sources, read_captions

from .writers import add


def names(folder, *inputs):
    return [source.path.relative_to(folder).as_posix() for source in find_sources(inputs or [folder])]


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_folder_of_photos_is_one_source_with_the_names_as_keys(tmp_path):
    for name, caption in (("000", b"a dog"), ("d/a.b", b"a cat\r\n"), ("UP", b"a cow")):
        touch(tmp_path / "ph" / f"{name}.JPG")
        touch(tmp_path / "ph" / f"{name}.{'TXT' if name == 'UP' else 'txt'}", caption)
    folder, out = tmp_path / "ph", tmp_path / "out"
    expected = [("000", "a dog"), ("UP", "a cow"), ("d/a.b", "a cat")]
    assert [row[:2] for row in read_captions(folder)] == expected
    assert [(pair.key, pair.caption) for pair in read_pairs([folder])] == expected
    assert main(["parse", str(folder), "--out", str(out), "--parser", "rules", "--processes", "1"]) == 0
    assert [path.name for path in out.glob("*.parquet")] == ["ph.parquet"]
    touch(folder / "UP.TXT", b"a big cow")  # a changed caption is parsed again
    assert (
        main(["parse", str(folder), "--out", str(out), "--parser", "rules", "--processes", "1", "--json"])
        == 0
    )


def test_photos_of_every_ending_that_can_be_read_have_captions_beside_them(tmp_path):
    photos = ("a.jfif", "b.JPE", "c.webp", "d.j2k", "e.tga", "caf\u00e9.jpg")
    for number, name in enumerate(photos):
        touch(tmp_path / name)
        touch((tmp_path / name).with_suffix(".txt"), f"caption {number}".encode("utf-16"))
    touch(tmp_path / "notes.docx")
    expected = sorted((name.partition(".")[0], f"caption {number}") for number, name in enumerate(photos))
    assert sorted(row[:2] for row in read_captions(tmp_path)) == expected
    assert sorted((pair.key, pair.caption) for pair in read_pairs([tmp_path])) == expected


def test_tars_come_before_tables_and_tables_before_photos_and_what_is_left_is_said(tmp_path):
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "a.txt", b"a dog")
    touch(tmp_path / "notes.txt", b"a cat")
    with pytest.warns(UserWarning, match=r"1 files \(notes\.txt, \.\.\.\) lie beside no photo"):
        assert names(tmp_path) == ["."]
    touch(tmp_path / "b.csv", b"key,caption\nk,a\n")
    with pytest.warns(UserWarning, match=r"1 files \(a\.jpg, \.\.\.\) with captions lie beside tables"):
        assert names(tmp_path) == ["b.csv", "notes.txt"]
    touch(tmp_path / "b.csv", b"key,image,caption\nk,a.jpg,a\n")
    with pytest.warns(
        UserWarning, match=r"notes\.txt is left out: a text file holds captions alone|beside tables"
    ):
        assert [ref.path.name for ref in find_shards([tmp_path])] == ["b.csv"]
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        add(tar, "a.txt", b"a dog")
    with pytest.warns(UserWarning, match=r"2 files \(b\.csv, \.\.\.\) beside tars"):
        assert names(tmp_path) == ["c.tar"]


def test_results_and_hidden_files_are_no_captions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "a.jsonl", b'{"key": "k", "image": "k.jpg", "caption": "a red car"}\n')
    touch(tmp_path / "._b.jsonl")
    touch(tmp_path / ".ipynb_checkpoints/a.jsonl")
    run = ["parse", ".", "--parser", "rules", "--processes", "1", "--out", "tags"]
    assert main(run) == 0
    assert main(run) == 0  # the shards below . are not parsed in their turn
    assert main(["label", "tags", "--vocabulary", vocabulary(tmp_path), "--out", "labels"]) == 0
    assert names(tmp_path) == ["a.jsonl"]
    assert [ref.path.name for ref in find_shards([tmp_path])] == ["a.jsonl"]


def vocabulary(folder):
    return str(
        touch(folder / "list" / "v.tsv.txt", b"id\ttag\tkind\tcount\n0\tcar\tobject\t1\n").rename(
            folder / "v"
        )
    )


def test_links_in_a_circle_end_and_patterns_pass_over_other_files(tmp_path):
    touch(tmp_path / "d/a.jsonl")
    touch(tmp_path / "d/a.png")
    (tmp_path / "d/up").symlink_to("..")
    assert names(tmp_path) == ["d/a.jsonl"]
    assert names(tmp_path, str(tmp_path / "d" / "a.*")) == ["d/a.jsonl"]
    for item, words in (
        ("gone", "no such file"),
        ("d/a.png", "cannot tell what"),
        ("d/*.csv", "no file matches"),
    ):
        with pytest.raises(InputError, match=words):
            names(tmp_path, str(tmp_path / item))


def test_coco_pairs_have_their_images_beside_the_document(tmp_path):
    touch(tmp_path / "7.jpg", b"photo")
    notes = [{"image_id": 7, "caption": "a dog"}, {"image_id": 8, "caption": "no such image"}]
    touch(
        tmp_path / "c.json",
        json.dumps({"images": [{"id": 7, "file_name": "7.jpg"}], "annotations": notes}).encode(),
    )
    first = next(read_pairs([tmp_path / "c.json"]))
    assert (first.key, first.caption, first.image.read_bytes()) == ("7.jpg", "a dog", b"photo")

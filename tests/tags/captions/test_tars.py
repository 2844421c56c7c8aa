"""WebDataset's rule of keys, for captions and for pairs alike."""

import tarfile

import pytest

from tagalign.cli.main import main
from tagalign.data.pairs import read_pairs
from tagalign.errors import DataError
from tagalign.tags.captions import BadRow, read_captions

from .writers import add


def write(path, members, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            add(tar, name, content)
    return path


def both(path):
    """Keys and captions as parsing and as training see them."""
    captions = [row[:2] for row in read_captions(path) if not isinstance(row, BadRow)]
    return captions, [(pair.key, pair.caption) for pair in read_pairs([path])]


def test_case_folders_and_members_that_stand_apart(tmp_path):
    members = [
        ("./A.JPG", b"1"), ("A.TXT", b"a dog"), ("d/b.Jpeg", b"2"), ("d/b.seg.png", b"mask"), ("c.png", b"3"),
        ("d/b.txt", b"a cat"), ("c.json", b'{"caption": "from json"}'), ("._c.txt", b"hidden"), ("c.txt", b"a cow"),
        ("note.md", b"no pair"),
    ]  # fmt: skip
    expected = [("A", "a dog"), ("d/b", "a cat"), ("c", "a cow")]
    captions, pairs = both(write(tmp_path / "a.tar", members))
    assert captions == pairs == expected
    assert [row[:2] for row in read_captions(write(tmp_path / "a.tar.gz", members, "w:gz"))] == expected


def test_dotted_names_are_refused_in_words(tmp_path, capsys):
    members = [("a.v1.jpg", b"1"), ("a.v1.txt", b"a dog"), ("a.v2.jpg", b"2"), ("a.v2.txt", b"a cat")]
    path = write(tmp_path / "a.tar", members)
    assert both(path) == ([], [])
    assert (
        main(["parse", str(path), "--out", str(tmp_path / "out"), "--parser", "rules", "--workers", "1"]) == 2
    )
    assert "v1.txt, v2.jpg, v2.txt, but a key ends at the first dot" in capsys.readouterr().err


def test_tars_without_samples_are_errors(tmp_path, capsys):
    empty = write(tmp_path / "empty.tar", [])
    with pytest.raises(DataError, match=r"empty\.tar: no sample"):
        list(read_captions(empty))
    (tmp_path / "zero.tar").write_bytes(b"")
    with pytest.raises(DataError, match="0 bytes"):
        list(read_captions(tmp_path / "zero.tar"))
    assert (
        main(["parse", str(empty), "--out", str(tmp_path / "out"), "--parser", "rules", "--workers", "1"])
        == 2
    )
    assert "no sample KEY.jpg + KEY.txt" in capsys.readouterr().err


def test_names_and_texts_in_other_encodings(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as tar:
        add(tar, "caf\xe9.txt", b"bad name")  # no UTF-8: listed, not written half
        add(tar, "b.txt", "caf\xe9".encode("latin-1"))
        add(tar, "c.txt", "caf\xe9".encode("utf-16"))
    rows = list(read_captions(path))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["no key"]
    assert [row[:2] for row in rows if not isinstance(row, BadRow)] == [("b", "caf\xe9"), ("c", "caf\xe9")]


def test_a_cut_tar_keeps_what_is_whole_and_says_so(tmp_path):
    path = write(tmp_path / "a.tar", [(f"{i}.txt", b"a dog " * 200) for i in range(6)])
    path.write_bytes(path.read_bytes()[:5000])
    rows = list(read_captions(path))
    assert [row.key for row in rows if not isinstance(row, BadRow)] == ["0", "1"]
    assert {row.reason for row in rows if isinstance(row, BadRow)} == {"shard cut off"}

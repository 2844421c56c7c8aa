"""WebDataset's rule of keys, for captions and for pairs alike."""

import subprocess
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
        main(["parse", str(path), "--out", str(tmp_path / "out"), "--parser", "rules", "--processes", "1"])
        == 2
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
        main(["parse", str(empty), "--out", str(tmp_path / "out"), "--parser", "rules", "--processes", "1"])
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


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_absolute_and_parent_names_are_keys_like_any_other(tmp_path, format):
    with tarfile.open(tmp_path / "a.tar", "w", format=format) as tar:
        for key in ("d/" + "\u9577" * 120, "/data/a", "../b"):
            add(tar, f"{key}.jpg", b"1")
            add(tar, f"{key}.txt", b"a dog")
    expected = [("d/" + "\u9577" * 120, "a dog"), ("/data/a", "a dog"), ("../b", "a dog")]
    assert both(tmp_path / "a.tar") == (expected, expected)


def test_of_two_members_of_one_name_the_first_counts_and_the_other_is_listed(tmp_path):
    path = write(
        tmp_path / "a.tar", [("a.jpg", b"1"), ("a.txt", b"a dog"), ("a.jpg", b"2"), ("a.txt", b"a cat")]
    )
    rows = list(read_captions(path))
    assert [row[:2] for row in rows if not isinstance(row, BadRow)] == [("a", "a dog")]
    assert [(row.place, row.message) for row in rows if isinstance(row, BadRow)] == [
        ("a.txt", "a second member of this name; the first counts")
    ]
    with pytest.warns(UserWarning, match=r"2 members cannot be used: a\.jpg, a second member"):
        assert [pair.image for pair in read_pairs([path])] == [b"1"]
    packed = list(read_captions(write(tmp_path / "a.tar.gz", [("a.txt", b"x"), ("a.txt", b"y")], "w:gz")))
    assert [isinstance(row, BadRow) for row in packed] == [False, True]


def test_hard_links_lead_to_their_member_and_other_links_are_named(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "a.jpg", b"1")
        add(tar, "a.txt", b"a dog")
        for name, kind, target in (
            ("b.jpg", tarfile.LNKTYPE, "a.jpg"),
            ("b.txt", tarfile.LNKTYPE, "a.txt"),
            ("c.jpg", tarfile.SYMTYPE, "a.jpg"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
        add(tar, "c.txt", b"a cat")
    assert [row[:2] for row in read_captions(tmp_path / "a.tar")] == [
        ("a", "a dog"),
        ("b", "a dog"),
        ("c", "a cat"),
    ]
    with pytest.warns(UserWarning, match=r"1 members cannot be used: c\.jpg, a link to a\.jpg"):
        pairs = [(pair.key, pair.image) for pair in read_pairs([tmp_path / "a.tar"])]
    assert pairs == [("a", b"1"), ("b", b"1")]


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_members_stored_with_holes_are_named_and_their_neighbours_kept(tmp_path, format):
    """Their bytes do not lie in the tar as they are; the photo behind them must not be taken for theirs."""
    with (tmp_path / "a.jpg").open("wb") as file:
        file.write(b"x" * 10)
        file.truncate(1 << 20)
    for name, text in (("a.txt", "a dog"), ("b.jpg", "2"), ("b.txt", "a cat")):
        (tmp_path / name).write_text(text)
    names = ["a.jpg", "a.txt", "b.jpg", "b.txt"]
    command = ["tar", "-S", f"--format={format}", "-C", str(tmp_path), "-cf", str(tmp_path / "a.tar"), *names]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs GNU tar")
    assert [row[:2] for row in read_captions(tmp_path / "a.tar")] == [("a", "a dog"), ("b", "a cat")]
    with pytest.warns(UserWarning, match=r"a\.jpg, stored with holes"):
        assert [(pair.key, pair.image) for pair in read_pairs([tmp_path / "a.tar"])] == [("b", b"2")]


def test_a_tar_behind_a_tar_is_named(tmp_path):
    first, second = (write(tmp_path / f"{n}.tar", [(f"{n}.jpg", b"1"), (f"{n}.txt", b"a dog")]) for n in "ab")
    (tmp_path / "c.tar").write_bytes(first.read_bytes() + second.read_bytes())
    rows = list(read_captions(tmp_path / "c.tar"))
    assert rows[0][:2] == ("a", "a dog")
    assert "another tar begins behind the end of the first" in rows[1].message
    with pytest.warns(UserWarning, match="another tar begins"):
        assert [pair.key for pair in read_pairs([tmp_path / "c.tar"])] == ["a"]


def test_composed_letters_and_other_endings_of_photos_join_members(tmp_path):
    members = [("caf\u00e9.jfif", b"1"), ("cafe\u0301.txt", b"a dog"), ("b.JPE", b"2"), ("b.txt", b"a cat")]
    captions, pairs = both(write(tmp_path / "a.tar", members))
    assert captions == pairs == [("caf\u00e9", "a dog"), ("b", "a cat")]


def test_a_packed_tar_under_a_plain_name_is_refused_in_words(tmp_path):
    write(tmp_path / "a.tar", [("a.txt", b"a dog")], "w:gz")
    with pytest.raises(DataError, match=r"a\.tar is packed with gzip; its name must end in \.gz"):
        list(read_captions(tmp_path / "a.tar"))

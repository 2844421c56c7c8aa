"""Lists of paths in every encoding and with every end of line that people have, against the paths that were written."""

import os

import pytest

from tagalign.errors import InputError
from tagalign.tasks.photos.lists import listed_paths, paths_of

PATHS = ["a.jpg", "day 1/犬.jpg", "c.png"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    path = tmp_path / "list.txt"
    path.write_bytes(end.join([*PATHS, ""]).encode(encoding))
    assert list(listed_paths(str(path))) == PATHS


def test_lines_of_old_macintoshes(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\r".join([*PATHS, ""]).encode())
    assert list(listed_paths(str(path))) == PATHS


def test_what_find_print0_writes():
    assert list(paths_of(["\0".join([*PATHS, ""]).encode()])) == PATHS


def test_bytes_that_are_no_utf8_are_those_of_the_file_name():
    (found,) = paths_of([b"caf\xe9.png\n"])
    assert os.fsencode(found) == b"caf\xe9.png"


def test_latin1_is_read_where_it_names_a_file(tmp_path):
    (tmp_path / "café.png").touch()
    (found,) = paths_of([os.fsencode(tmp_path) + b"/caf\xe9.png\n"])
    assert found == str(tmp_path / "café.png")


@pytest.mark.parametrize("dressed", ['"{}"', "'{}'", " {} ", "file://{}"])
def test_dress_is_taken_off_only_where_that_names_a_file(tmp_path, dressed):
    photo = tmp_path / "a b.png"
    assert list(paths_of([dressed.format(photo)])) == [dressed.format(photo)]
    photo.touch()
    assert list(paths_of([dressed.format(photo)])) == [str(photo)]


def test_a_file_whose_name_has_quotes_keeps_them(tmp_path, monkeypatch):
    odd = tmp_path / "'a'"
    odd.touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    assert list(paths_of(["'a'\n"])) == ["'a'"]


def test_a_list_that_is_cut_in_a_letter_is_refused(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("a.jpg\n".encode("utf-16")[:-1])
    with pytest.raises(InputError, match="expected a list of paths as text"):
        list(listed_paths(str(path)))


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: the list cannot be read"):
        list(listed_paths(str(tmp_path / "none.txt")))

"""A file of clicks that two readers have open: each sees what the other appended, once."""

import pytest

from tagalign.errors import DataError, InputError
from tagalign.tasks.review.click_file import ClickFile
from tagalign.tasks.review.clicks import Click, append_click, read_clicks

A, B = (Click(photo=name, verdict="skipped") for name in "ab")


def photos(file):
    return [click.photo for click in file.clicks.counting()]


def test_two_readers_see_each_others_clicks_once_and_what_is_taken_back(tmp_path):
    one, other = ClickFile(tmp_path / "review.jsonl"), ClickFile(tmp_path / "review.jsonl")
    written = one.append(A)
    assert other.append(B) == other.clicks.of("", "b")
    one.refresh()
    assert (photos(one), photos(other)) == (["a", "b"], ["a", "b"])
    assert other.clicks.of("", "a") == written
    one.append(Click(photo="b", verdict="undone"))
    other.refresh()
    other.refresh()  # nothing new: nothing is counted twice
    assert photos(one) == photos(other) == ["a"]
    assert other.clicks == read_clicks([other.path])


def test_a_line_that_is_still_on_its_way_is_read_when_it_has_come(tmp_path):
    path = tmp_path / "review.jsonl"
    append_click(path, A)
    append_click(path, B)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (first - 1, first, first + 1, first + 20, len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        file = ClickFile(path)
        with path.open("ab") as rest:
            rest.write(whole[cut:])
        file.refresh()
        assert (photos(file), file.clicks.notes) == (["a", "b"], []), cut


def test_a_cut_line_costs_itself_and_a_file_that_was_deleted_is_begun_anew(tmp_path):
    path = tmp_path / "review.jsonl"
    append_click(path, A)
    path.write_bytes(path.read_bytes()[:30])
    file = ClickFile(path)
    file.append(B)
    assert photos(file) == ["b"]
    (note,) = file.clicks.notes
    assert "line 1: cut or damaged" in note
    path.unlink()
    file.refresh()
    assert photos(file) == []
    file.append(A)
    assert photos(file) == ["a"]


def test_what_cannot_be_read_or_written_is_said_in_one_line(tmp_path):
    (tmp_path / "review.jsonl").mkdir()
    with pytest.raises(DataError, match=r"review\.jsonl"):
        ClickFile(tmp_path / "review.jsonl")
    (tmp_path / "file").touch()
    inside = ClickFile(tmp_path / "file" / "review.jsonl")
    with pytest.raises(InputError, match="cannot write"):
        inside.append(A)
    assert photos(inside) == []

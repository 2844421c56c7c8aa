import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tagalign.errors import DataError, InputError
from tagalign.tasks.review.clicks import Click, append_click, append_clicks, read_clicks

CLICK = Click(
    photo="caf\u00e9/a.png",
    verdict="accepted",
    folder="/photos",
    size=(6, 8),
    labels=("dog", "cat"),
    given=("dog",),
    tags=("cat",),
    masks=(("cat", "0a1"),),
    drawn="random",
    rank=3,
    photos=9,
)


def lines(*clicks: Click, folder: Path) -> bytes:
    path = folder / "source.jsonl"
    path.unlink(missing_ok=True)
    for click in clicks:
        append_click(path, click)
    return path.read_bytes()


def test_a_click_comes_back_as_it_went(tmp_path):
    written = append_click(tmp_path / "new" / "review.jsonl", CLICK)
    (read,) = read_clicks([tmp_path / "new" / "review.jsonl"]).counting()
    assert read == written
    assert (written.photo, written.tags, written.at[:2]) == (CLICK.photo, CLICK.tags, "20")


def test_the_last_click_counts_and_undoing_brings_back_the_one_before(tmp_path):
    path = tmp_path / "r.jsonl"
    for verdict, tags in (
        ("accepted", ("a",)),
        ("skipped", ()),
        ("undone", ()),
        ("undone", ()),
        ("undone", ()),
    ):
        append_click(path, Click(photo="p", verdict=verdict, tags=tags))
        found = read_clicks([path]).of("", "p")
        expected = {"accepted": ("accepted", ("a",)), "skipped": ("skipped", ())}.get(verdict)
        if expected:
            assert (found.verdict, found.tags) == expected
    assert read_clicks([path]).of("", "p") is None


def test_a_file_cut_anywhere_loses_the_cut_click_alone(tmp_path):
    raw = lines(CLICK, Click(photo="b", verdict="skipped"), folder=tmp_path)
    first = raw.index(b"\n")
    for cut in {0, 1, first - 1, first, first + 1, len(raw) - 1, len(raw), *range(0, len(raw), 40)}:
        path = tmp_path / "review.jsonl"
        path.write_bytes(raw[:cut])
        append_click(path, Click(photo="after", verdict="skipped"))
        found = read_clicks([path])
        # a line is whole with its last brace; its end is put there by the next click
        whole = [name for name, end in (("caf\u00e9/a.png", first), ("b", len(raw) - 1)) if cut >= end]
        assert [click.photo for click in found.counting()] == [*whole, "after"]
        is_cut = cut not in {0, first, first + 1, len(raw) - 1, len(raw)}
        assert bool(found.notes) == is_cut


def test_two_files_joined_without_a_line_end_keep_all_clicks(tmp_path):
    one = lines(Click(photo="a", verdict="skipped"), folder=tmp_path).rstrip(b"\n")
    path = tmp_path / "joined.jsonl"
    path.write_bytes(
        one + one.replace(b'"a"', b'"b"') + b"\n" + one[:30] + one.replace(b'"a"', b'"c"') + b"\n"
    )
    found = read_clicks([path])
    assert [click.photo for click in found.counting()] == ["a", "b", "c"]
    assert len(found.notes) == 1
    assert "line 2" in found.notes[0]


def test_of_two_reviewers_the_later_click_counts_and_disagreement_is_named(tmp_path):
    for name, at, tags in (("late", "2026-02-02", ("dog",)), ("early", "2026-01-01", ("cat",))):
        for photo in ("a", "same"):
            chosen = ("dog",) if photo == "same" else tags
            append_click(
                tmp_path / f"{name}.jsonl",
                Click(photo=photo, verdict="accepted", at=at, labels=("dog", "cat"), tags=chosen),
            )
    found = read_clicks([tmp_path / "late.jsonl", tmp_path / "early.jsonl"])
    assert found.of("", "a").tags == ("dog",)
    assert found.disagreements() == ["a"]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "5",
        "null",
        '{"photo": 5, "verdict": "accepted"}',
        '{"photo": "a", "verdict": "liked"}',
        '{"photo": "a", "verdict": "accepted", "tags": "dog"}',
        '{"photo": "a", "verdict": "accepted", "size": [1]}',
        '{"photo": "a", "verdict": "accepted", "rank": 1e999}',
        '{"photo": "a", "verdict": "accepted", "masks": [5]}',
        "\0\0\0",
        "[" * 100_000,
    ],
)
def test_lines_that_are_no_clicks_are_noted(tmp_path, line):
    path = tmp_path / "r.jsonl"
    path.write_text(line + "\n" + json.dumps({"photo": "b", "verdict": "skipped"}) + "\n")
    found = read_clicks([path])
    assert [click.photo for click in found.counting()] == ["b"]
    assert len(found.notes) == 1


def test_an_empty_file_has_no_clicks_and_a_missing_one_is_refused(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    assert read_clicks([tmp_path / "empty.jsonl"]).counting() == []
    with pytest.raises(DataError, match=r"missing.*review\.jsonl"):
        read_clicks([tmp_path / "missing"])


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        append_click(tmp_path / "file" / "review.jsonl", CLICK)


CLICKER = """
import sys
from pathlib import Path
from tagalign.tasks.review.clicks import Click, append_click
for i in range(10_000):
    append_click(Path(sys.argv[1]), Click(photo=str(i), verdict="skipped"))
    print(i, flush=True)
"""


def test_no_click_that_was_answered_is_lost_to_a_kill(tmp_path):
    """``kill -9`` at some moment: every click whose number was printed is in the file, and the next one can be added."""
    path = tmp_path / "review.jsonl"
    process = subprocess.Popen([sys.executable, "-c", CLICKER, str(path)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and path.stat().st_size > 2000):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    answered = [int(line) for line in process.communicate()[0].split("\n") if line.strip()]
    append_click(path, Click(photo="next", verdict="accepted"))
    kept = {click.photo for click in read_clicks([path]).counting()}
    assert answered
    assert {"next", *map(str, answered)} <= kept
    assert len(kept) <= len(answered) + 2


def test_clicks_of_another_tool_are_corrected_without_a_disagreement_and_taken_back(tmp_path):
    path = tmp_path / "r.jsonl"
    first = Click(photo="p", verdict="accepted", tags=("a",), source="tool:1")
    other = Click(photo="p", verdict="accepted", tags=("b",), source="tool:2")
    append_clicks(path, [first, other])
    assert read_clicks([path]).disagreements() == ["p"]
    append_clicks(path, [Click(photo="p", verdict="accepted", tags=("b",), source="tool:1")])
    assert read_clicks([path]).disagreements() == []
    found = read_clicks([path])
    assert [click.source for click in found.counting()] == ["tool:1"]
    append_clicks(path, found.without("tool:1"))
    (left,) = read_clicks([path]).counting()
    assert (left.source, left.tags) == ("tool:2", ("b",))
    append_clicks(path, read_clicks([path]).without("tool:2"))
    assert read_clicks([path]).counting() == []
    assert read_clicks([path]).without("tool:3") == []

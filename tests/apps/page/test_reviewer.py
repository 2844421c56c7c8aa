"""What the tab of the review answers, without a browser: two tabs on one folder, keys pressed twice, odd folders."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.review_opening import open_place
from tagalign.apps.page.review_place import Draft, ReviewPlace, place_of
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.reviewer import Reviewer
from tagalign.apps.page.studio import Studio
from tagalign.errors import InputError
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

MINE, THEIRS = (
    ReviewPlace(labels="dog, cat", method="stub", tab=tab, number=0) for tab in ("mine", "theirs")
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in "abc":
        Image.new("RGB", (8, 6)).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos"


def opened(folder: Path, out: Path) -> Reviewer:
    """A page of its own on a folder."""
    studio = Studio(lambda name: Model(StubMethod()), ["stub"])
    names = sorted(path.name for path in folder.iterdir())
    return Reviewer(studio, lambda name: open_place(Path(name), out), ReviewStore(folder, names, out))


def accept(reviewer: Reviewer, place: ReviewPlace, tags: list[str]) -> tuple[ReviewPlace, str]:
    """Where the tab is then, and what its line says."""
    return where(reviewer.decide(place, place, "accepted", tags, []))


def where(shown: tuple[Any, ...]) -> tuple[ReviewPlace, str]:
    return place_of(shown[0]), shown[2]


def clicks(out: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    lines = map(json.loads, (out / "review.jsonl").read_text().splitlines())
    return [(one["photo"], one["verdict"], tuple(one["tags"])) for one in lines]


@pytest.mark.parametrize("pages", [1, 2])
def test_what_another_tab_decided_meanwhile_is_shown_and_not_overwritten(
    photos: Path, tmp_path: Path, pages: int
) -> None:
    """In one process, and in two on the same folder."""
    out = tmp_path / "out"
    one = opened(photos, out)
    other = one if pages == 1 else opened(photos, out)
    (mine, _), (theirs, _) = where(one.first(MINE)), where(other.first(THEIRS))
    mine, _ = accept(one, mine, ["dog"])
    assert mine.number == 1
    theirs, said = accept(other, theirs, ["cat"])
    assert theirs.number == 0
    assert "somebody else decided meanwhile" in said
    assert "accepted before" in said
    assert clicks(out) == [("a.png", "accepted", ("dog",))]
    theirs, said = accept(other, theirs, ["cat"])  # having seen it
    assert (theirs.number, "1 accepted" in said) == (1, True)
    assert clicks(out)[1:] == [("a.png", "accepted", ("cat",))]
    # mine would take theirs back
    with pytest.raises(InputError, match=r"a\.png: somebody else decided about it since"):
        one.undo(mine)
    theirs, _ = where(other.undo(theirs))
    assert theirs.number == 0
    assert where(one.show(replace(mine, number=0)))[1].count("accepted before") == 1


def test_a_tab_takes_back_its_own_decisions_alone(photos: Path, tmp_path: Path) -> None:
    reviewer = opened(photos, tmp_path / "out")
    mine, _ = accept(reviewer, where(reviewer.first(MINE))[0], ["dog"])
    theirs, _ = accept(reviewer, where(reviewer.first(THEIRS))[0], ["cat"])
    assert where(reviewer.undo(mine))[0].number == 0
    with pytest.raises(InputError, match="nothing was decided in this tab"):
        reviewer.undo(mine)
    assert where(reviewer.undo(theirs))[0].number == 1


def test_a_key_that_is_pressed_twice_decides_about_one_photo(photos: Path, tmp_path: Path) -> None:
    """The second press comes with the tags of the first photo: they must not be those of the next one."""
    reviewer = opened(photos, tmp_path / "out")
    mine, _ = where(reviewer.first(MINE))
    for _ in range(2):
        now, said = accept(reviewer, mine, ["dog"])
        assert (now.number, "meanwhile" in said) == (1, False)
    assert clicks(tmp_path / "out") == [("a.png", "accepted", ("dog",))]


def test_labels_typed_since_are_for_the_next_photo(photos: Path, tmp_path: Path) -> None:
    """The person judged what was shown: masks of the labels of then are let stand."""
    reviewer = opened(photos, tmp_path / "out")
    shown = reviewer.first(MINE)
    mine, titles = place_of(shown[0]), shown[4]["value"]
    now = replace(mine, labels="sky, sea, sand")
    after = reviewer.decide(mine, now, "accepted", ["dog"], titles)
    assert after[3]["choices"] == ["sky", "sea", "sand"]
    (line,) = (tmp_path / "out" / "review.jsonl").read_text().splitlines()
    assert (json.loads(line)["labels"], [one["name"] for one in json.loads(line)["masks"]]) == (
        ["dog", "cat"],
        ["dog"],
    )


def test_a_decision_while_another_folder_opens_is_about_the_photo_that_was_shown(
    photos: Path, tmp_path: Path
) -> None:
    """The browser still shows the photo of before, and sends its place: judged right, whatever was opened since."""
    reviewer = opened(photos, tmp_path / "out")
    shown, _ = where(reviewer.first(MINE))
    (tmp_path / "other").mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "other" / "z.png")
    reviewer.open(str(tmp_path / "other"))
    after, _ = accept(reviewer, shown, ["dog"])
    assert (after.store, after.number) == ("", 1)
    assert clicks(tmp_path / "out") == [("a.png", "accepted", ("dog",))]


@pytest.mark.parametrize("folder", ["", "of its own"])
def test_what_was_checked_outlives_the_page_and_its_server(photos: Path, tmp_path: Path, folder: str) -> None:
    """A server that is new, also where the folder was opened from the page; other labels are in the field again."""
    store = folder and str(photos)
    first = opened(photos, tmp_path / "out")
    if store:
        first.open(store)
    shown, _ = where(first.show(replace(MINE, store=store, number=1, labels="sky, sea")))
    draft = Draft(place=shown, tags=("sea", "ball"), titles=("sea  50 %", "gone"))
    labels, *answer = opened(photos, tmp_path / "out").resume(replace(MINE, tab="mine"), draft)
    assert labels == "sky, sea"
    assert (place_of(answer[0]).number, "b.png" in answer[2]) == (1, True)
    assert (answer[3]["value"], answer[3]["choices"]) == (["sea", "ball"], ["sky", "sea", "ball"])
    assert answer[4]["value"] == ["sea  50 %"]


def test_a_draft_about_another_photo_or_a_decided_one_is_left(photos: Path, tmp_path: Path) -> None:
    reviewer = opened(photos, tmp_path / "out")
    shown, _ = where(reviewer.first(MINE))
    accept(reviewer, shown, ["dog"])
    for place in (
        shown,
        replace(shown, photo="b.png"),
        replace(shown, number=9),
        replace(shown, store="gone"),
    ):
        draft = Draft(place=place, tags=("cat",), titles=())
        labels, *answer = reviewer.resume(MINE, draft)
        assert place_of(answer[0]).number == 1
        assert answer[3]["value"] == ["dog"]
        assert not isinstance(labels, str)  # the field is left alone


def test_a_broken_photo_says_so_and_is_skipped(photos: Path, tmp_path: Path) -> None:
    (photos / "a.png").write_text("no image")
    reviewer = opened(photos, tmp_path / "out")
    shown = reviewer.first(MINE)
    mine, said = where(shown)
    assert "not an image that can be read" in said
    assert str(photos) not in said
    assert shown[1] == ""
    after, _ = where(reviewer.decide(mine, mine, "skipped", [], []))
    assert after.number == 1
    assert clicks(tmp_path / "out") == [("a.png", "skipped", ())]


def test_where_nothing_can_be_written_it_is_said_before_the_first_decision(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    reviewer = opened(photos, tmp_path / "file" / "out")
    mine, said = where(reviewer.first(MINE))
    assert f"decisions cannot be written to {tmp_path / 'file'} (no folder)" in said
    with pytest.raises(InputError, match="cannot write"):
        accept(reviewer, mine, ["dog"])
    assert where(reviewer.show(mine))[1] == said  # nothing is counted that is not on the disk
    reviewer = opened(photos, tmp_path / "out")
    assert "cannot be written" not in where(reviewer.first(MINE))[1]
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not bind the administrator
    assert f"written to {tmp_path} (read-only)" in where(reviewer.first(MINE))[1]


def test_an_empty_folder_and_none_are_refused(photos: Path, tmp_path: Path) -> None:
    reviewer = opened(photos, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    for name, words in ((tmp_path / "empty", "no photo to review"), (tmp_path / "lost", "found none")):
        with pytest.raises(InputError, match=words):
            reviewer.open(str(name))
    assert "Choose a folder" in reviewer.show(replace(MINE, store="never opened"))[2]
    for place in (replace(MINE, store="never opened"), replace(MINE, number=9)):
        with pytest.raises(InputError, match="Choose a folder"):
            reviewer.decide(place, place, "skipped", [], [])


def test_five_thousand_photos_are_opened_in_a_moment(tmp_path: Path) -> None:
    """The first one is asked for 2 s; measured is what does not depend on the model, in time of this process alone."""
    folder = tmp_path / "many"
    folder.mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "one.png")
    for i in range(5000):
        os.link(tmp_path / "one.png", folder / f"{i:04}.png")
    studio = Studio(lambda name: Model(StubMethod()), ["stub"])
    reviewer = Reviewer(studio, lambda name: open_place(Path(name), tmp_path / "out"), None)
    start = time.process_time()
    reviewer.open(str(folder))
    mine, said = where(reviewer.first(replace(MINE, store=str(folder))))
    assert "1 of 5000" in said
    assert accept(reviewer, mine, ["dog"])[0].number == 1
    assert time.process_time() - start < 2

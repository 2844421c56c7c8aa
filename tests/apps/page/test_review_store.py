import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.apps.page.review_items import kept_titles, suggest
from tagalign.apps.page.review_opening import photos_of
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.errors import DataError, InputError
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod


@pytest.fixture
def studio() -> Studio:
    return Studio(lambda name: Model(StubMethod()), ["stub"])


@pytest.fixture
def store(tmp_path: Path) -> ReviewStore:
    names = ["a.png", "day/a.png", "z.png"]
    for i, name in enumerate(names):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8 + i, 6)).save(tmp_path / "photos" / name)
    return ReviewStore(tmp_path / "photos", names, tmp_path / "out")


def accept(store: ReviewStore, studio: Studio, number: int, tags: list[str], keep: list[str]) -> None:
    found = suggest(studio, store.folder, store.photos[number], "dog, cat", "stub")
    titles = [title for title in found.masks if title.rsplit("  ", 1)[0] in keep]
    store.save(found.click("accepted", tags, titles))


def test_suggestions_have_tags_and_one_mask_per_part(studio: Studio, store: ReviewStore) -> None:
    found = suggest(studio, store.folder, "a.png", "dog, cat", "stub")
    assert found.tags == ("dog",)
    assert list(found.masks) == ["dog  50 %", "cat  50 %"]


def test_only_what_was_accepted_is_exported(studio: Studio, store: ReviewStore) -> None:
    accept(store, studio, 0, ["dog", "ball"], ["cat"])
    store.save(suggest(studio, store.folder, "z.png", "dog, cat", "stub").click("skipped", [], []))
    (image,) = store.accepted()
    assert (image.file_name, image.size) == ("a.png", (6, 8))
    assert image.segmentation.names == ("background", "ball", "cat", "dog")
    # the right half is the cat; the dog's mask was taken away, its tag was not
    np.testing.assert_array_equal(image.segmentation.labels, [[0] * 4 + [2] * 4] * 6)
    assert image.tagging.tags == ("dog", "ball")


def test_decisions_survive_and_can_be_changed(studio: Studio, store: ReviewStore) -> None:
    accept(store, studio, 1, ["dog"], ["dog"])
    again = ReviewStore(store.folder, store.photos, store.out)
    assert again.counts() == {"accepted": 1, "skipped": 0, "open": 2}
    assert again.first_open() == 0
    accept(again, studio, 1, ["cat"], ["cat"])
    assert again.load("day/a.png").tags == ("cat",)
    assert again.counts()["accepted"] == 1


def test_going_back_shows_what_was_let_stand(studio: Studio, store: ReviewStore) -> None:
    found = suggest(studio, store.folder, "a.png", "dog, cat", "stub")
    assert kept_titles(found, None) == ["dog  50 %"]  # the cat has a mask and is no tag
    accept(store, studio, 0, [], ["cat"])
    assert kept_titles(found, store.load("a.png")) == ["cat  50 %"]


def test_files_of_one_name_in_two_folders_do_not_meet(studio: Studio, store: ReviewStore) -> None:
    accept(store, studio, 0, ["dog"], [])
    assert store.load("day/a.png") is None


def older_decision(store: ReviewStore, photo: str, text: str) -> None:
    digest = hashlib.blake2b(photo.encode(), digest_size=12).hexdigest()
    (store.out / "decisions").mkdir(parents=True, exist_ok=True)
    (store.out / "decisions" / f"{digest}.json").write_text(text)


def test_decisions_of_older_releases_are_read(studio: Studio, store: ReviewStore) -> None:
    values = {"file_name": "a.png", "size": [6, 8], "verdict": "accepted", "tags": ["cat"], "masks": []}
    older_decision(store, "a.png", json.dumps(values))
    again = ReviewStore(store.folder, store.photos, store.out)
    assert again.load("a.png").tags == ("cat",)
    accept(again, studio, 0, ["dog"], [])
    assert again.load("a.png").tags == ("dog",)
    again.undo()
    assert again.load("a.png").tags == ("cat",)


def test_damaged_decisions_are_named(store: ReviewStore) -> None:
    older_decision(store, "a.png", json.dumps({"file_name": "a.png"}))
    with pytest.raises(DataError, match="damaged"):
        ReviewStore(store.folder, store.photos, store.out)


def test_undo_takes_back_one_click_after_the_other(studio: Studio, store: ReviewStore) -> None:
    accept(store, studio, 0, ["dog"], [])
    accept(store, studio, 1, ["dog"], [])
    accept(store, studio, 0, ["cat"], [])
    assert (store.undo(), store.load("a.png").tags) == ("a.png", ("dog",))
    assert (store.undo(), store.load("day/a.png")) == ("day/a.png", None)
    assert (store.undo(), store.load("a.png"), store.undo()) == ("a.png", None, None)
    assert ReviewStore(store.folder, store.photos, store.out).counts()["open"] == 3


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photo to review"):
        ReviewStore(tmp_path, [], tmp_path / "out")


def test_the_folder_is_walked_as_by_every_verb(tmp_path: Path, studio: Studio) -> None:
    """Loops are not followed, endings that Pillow reads are found, a name that is not UTF-8 is reviewed and exported."""
    photos = tmp_path / "photos"
    (photos / "day").mkdir(parents=True)
    (photos / "day" / "loop").symlink_to(photos)
    (photos / "notes.txt").write_text("no photo")
    (photos / "broken.png").symlink_to(photos / "broken.png")
    latin = os.fsdecode(b"caf\xe9.png")
    for name in ("b.jfif", "day/a.PNG", latin):
        Image.new("RGB", (8, 6)).save(photos / name, format="PNG")
    found = photos_of(photos)
    assert found == ["b.jfif", r"caf\xe9.png", "day/a.PNG"]
    store = ReviewStore(photos, found, tmp_path / "out")
    accept(store, studio, 1, ["dog"], [])
    assert [image.file_name for image in store.accepted()] == [r"caf\xe9.png"]

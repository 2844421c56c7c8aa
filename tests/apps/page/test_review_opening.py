import json
from pathlib import Path

import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.review_items import suggest_of_run
from tagalign.apps.page.review_opening import folders_in, open_place
from tagalign.errors import DataError, InputError
from tagalign.tasks.photos.rows import MASK_SCHEMA, TAG_SCHEMA, mask_row, write_rows
from tagalign.types import Segmentation

PART = "part-00000-of-00001-000000.parquet"
NAMES = ["background", "dog", "cat"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Masks of one photo: a cat above, nothing below."""
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    labels = torch.zeros(6, 8, dtype=torch.int64)
    labels[:3] = 2
    found = Segmentation(labels=labels, names=tuple(NAMES), scores=torch.ones(6, 8))
    write_rows(tmp_path / "run" / "masks" / PART, [mask_row(str(tmp_path / "a.png"), found)], MASK_SCHEMA)
    (tmp_path / "run" / "settings.json").write_text(json.dumps({"labels": NAMES}))
    return tmp_path / "run"


def test_a_run_is_shown_as_it_was_found(run: Path) -> None:
    store = open_place(run, None)
    assert store.out == run / "review"
    found = suggest_of_run(store.results, store.photos[0])
    assert (found.names, found.tags, list(found.masks)) == (("dog", "cat"), ("cat",), ["cat  50 %"])
    (drawn,) = found.drawn(["cat  50 %", "gone"])
    assert (drawn.name, drawn.words) == ("cat", "cat · 50 % of the photo")  # files keep no scores
    assert drawn.mask[:3].all()
    assert not drawn.mask[3:].any()
    assert suggest_of_run(store.results, "other.png") is None


def test_tags_of_a_run_have_no_masks(run: Path) -> None:
    (run / "masks" / PART).unlink()
    row = {
        "key": str(run.parent / "a.png"),
        "size": [6, 8],
        "tags": ["dog"],
        "scores": [0.0, 0.9, 0.1],
        "margin": 0.5,
    }
    write_rows(run / "tags" / PART, [row], TAG_SCHEMA)
    store = open_place(run, None)
    found = suggest_of_run(store.results, store.photos[0])
    assert (found.tags, found.masks) == (("dog",), {})


def test_a_photo_that_changed_after_the_run_is_named(run: Path) -> None:
    Image.new("RGB", (9, 6)).save(run.parent / "a.png")
    store = open_place(run, None)
    with pytest.raises(DataError, match="the photo is 9 × 6 pixels, its result 8 × 6"):
        suggest_of_run(store.results, store.photos[0])


def test_other_folders_are_folders_of_photos(run: Path, tmp_path: Path) -> None:
    store = open_place(tmp_path, tmp_path / "out")
    assert (store.photos, store.results, store.out) == (("a.png",), None, tmp_path / "out")
    with pytest.raises(InputError, match="expected a folder, found none"):
        open_place(tmp_path / "lost", None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no photo to review"):
        open_place(tmp_path / "empty", None)


def test_a_picker_lists_folders_and_says_what_is_a_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "day").mkdir()
    shown = folders_in(tmp_path)
    assert shown[0][1] == str(tmp_path.parent)
    assert shown[1:] == [("day", str(tmp_path / "day")), ("run · results of a run", str(run))]
    with pytest.raises(InputError, match="cannot be looked into"):
        folders_in(tmp_path / "lost")

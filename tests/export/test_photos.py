"""Which photo a result belongs to, also after the photos were moved; and what is refused instead of guessed."""

import json

import pytest
from PIL import Image

from tagalign.errors import DataError, InputError
from tagalign.export.photos import PhotoNames, named_sources, part_sources, run_root
from tagalign.tasks.photos.manifest import write_manifest
from tagalign.tasks.photos.source import PhotoSource


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("a/1.jpg", "b/1.jpg", "b/2.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4)).save(folder / name)
    return folder


def test_without_a_folder_names_are_below_the_root_of_the_run(photos):
    names = PhotoNames(root=str(photos))
    assert names.of(PhotoSource(path=str(photos / "b/2.png")), (4, 6)) == "b/2.png"
    assert names.of(PhotoSource(path="/elsewhere/../x.jpg")) == "elsewhere/x.jpg"


def test_photos_that_were_moved_are_found_by_the_end_of_their_path(photos):
    names = PhotoNames(photos=photos)
    assert names.of(PhotoSource(path="/old/place/b/1.jpg"), (4, 6)) == "b/1.jpg"
    assert names.of(PhotoSource(path="/old/place/c/2.png"), (4, 6)) == "b/2.png"


def test_a_member_stands_behind_its_tar():
    assert PhotoNames().of(PhotoSource(path="x.tar", member="in/1.jpg")) == "x.tar/in/1.jpg"


@pytest.mark.parametrize(
    ("path", "size", "message"),
    [
        ("/old/1.jpg", (4, 6), "2 photos of this name"),
        ("/old/9.jpg", (4, 6), "its photo is not in"),
        ("/old/b/1.jpg", (6, 4), "another photo, or it was changed"),
    ],
)
def test_what_would_be_a_guess_is_refused(photos, path, size, message):
    with pytest.raises(DataError, match=message):
        PhotoNames(photos=photos).of(PhotoSource(path=path), size)


def test_two_results_of_one_photo_are_refused(photos):
    names = PhotoNames(photos=photos)
    names.of(PhotoSource(path="/old/b/2.png"))
    with pytest.raises(DataError, match="both lead to the photo"):
        names.of(PhotoSource(path="/older/b/2.png"))


def test_a_mask_is_matched_by_its_name(photos):
    assert PhotoNames().of_mask(photos / "2.png", (4, 6)) == "2.png"
    assert PhotoNames(photos=photos).of_mask(photos / "masks/2.png", (4, 6)) == "b/2.png"


def test_a_folder_that_is_not_there_and_a_photo_that_is_not(tmp_path):
    with pytest.raises(InputError, match="found none"):
        PhotoNames(photos=tmp_path / "nowhere")
    with pytest.raises(DataError, match="the photo of this result is not there"):
        PhotoNames().of(PhotoSource(path=str(tmp_path / "x.jpg")), (4, 6))


def test_a_run_says_its_root_and_the_photos_of_each_part(tmp_path):
    sources = [PhotoSource(path=f"photos/{i}.jpg", name=f"n{i}") for i in range(3)]
    manifest = write_manifest(tmp_path / "inputs-0-of-1.jsonl", iter(sources), shard=(0, 1), part_size=2)
    head = {"root": "photos", "count": manifest.count, "part_size": 2, "starts": list(manifest.starts)}
    (tmp_path / "run-0-of-1.json").write_text(json.dumps(head))
    assert run_root(tmp_path) == "photos"
    assert [one.path for one in named_sources(tmp_path)] == [one.path for one in sources]
    first = part_sources(tmp_path, tmp_path / "part-0-of-1-00000.parquet")
    second = part_sources(tmp_path, tmp_path / "part-0-of-1-00001.parquet")
    assert [one.path for one in (first | second).values()] == [one.path for one in sources]
    assert len(first) == 2
    assert part_sources(tmp_path, tmp_path / "other.parquet") == {}


def test_a_damaged_head_is_named(tmp_path):
    (tmp_path / "run-0-of-1.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        run_root(tmp_path)
    (tmp_path / "inputs-0-of-1.jsonl").touch()
    with pytest.raises(DataError, match="does not fit"):
        part_sources(tmp_path, tmp_path / "part-0-of-1-00000.parquet")

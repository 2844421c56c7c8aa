import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import DataError, ImageError, InputError
from tagalign.export.masks import save_mask
from tagalign.export.results import read_results
from tagalign.tasks.photos.keys import path_of
from tagalign.tasks.photos.manifest import write_manifest
from tagalign.tasks.photos.rows import MASK_SCHEMA, TAG_SCHEMA, mask_row, tag_row, write_rows
from tagalign.tasks.photos.source import PhotoSource

from .blobs import NAMES, annotated


def write_names(folder: Path, names: tuple[str, ...] = NAMES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"labels": list(names)}))


def photo(path: Path, size: tuple[int, int] = (60, 80)) -> Path:
    """A photo of ``(height, width)``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path)
    return path


def write_run(
    folder: Path, *photos: Path, root: Path, with_names: bool = True, part_size: int = 10
) -> list[PhotoSource]:
    """What ``tagalign segment`` writes before its first mask."""
    write_names(folder)
    manifest = write_manifest(
        folder / "inputs-00000-of-00001.jsonl",
        [PhotoSource(path=str(path)) for path in photos],
        shard=(0, 1),
        part_size=part_size,
        with_names=with_names,
        folders=[str(root)],
    )
    (folder / "run-00000-of-00001.json").write_text(json.dumps(manifest.values()))
    return [source for number in range(len(manifest.starts)) for source in manifest.part(number)]


def test_masks_of_older_releases_are_matched_by_name(tmp_path: Path) -> None:
    image = annotated(0)
    write_names(tmp_path / "masks")
    save_mask(tmp_path / "masks" / "a.png", image.segmentation.labels, 4)
    Image.new("RGB", (3, 3)).save(tmp_path / "masks" / "a.overlay.png")
    photo(tmp_path / "photos" / "day" / "a.jpg", image.size)
    (found,) = read_results(tmp_path / "masks", photos=tmp_path / "photos")
    assert (found.file_name, found.size) == ("day/a.jpg", image.size)
    np.testing.assert_array_equal(found.segmentation.labels, image.segmentation.labels)
    assert found.segmentation.names == NAMES
    photo(tmp_path / "photos" / "night" / "a.png", image.size)
    with pytest.raises(DataError, match="2 photos of this name"):
        list(read_results(tmp_path / "masks", photos=tmp_path / "photos"))


def test_without_photos_such_a_mask_keeps_its_name(tmp_path: Path) -> None:
    write_names(tmp_path)
    save_mask(tmp_path / "a.png", annotated(0).segmentation.labels, 4)
    assert [found.file_name for found in read_results(tmp_path)] == ["a.png"]


def test_twins_in_subfolders_keep_their_photos(tmp_path: Path) -> None:
    image, root = annotated(0), tmp_path / "ph"
    photos = [
        photo(root / name, image.size)
        for name in ("a/001.png", "b/001.png", "b/.001.png", "b/001.overlay.png")
    ]
    sources = write_run(tmp_path / "masks", *photos, root=root)
    for source in sources:
        save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    expected = [path.relative_to(root).as_posix() for path in photos]
    for folder in (None, root):
        found = list(read_results(tmp_path / "masks", photos=folder))
        assert [one.file_name for one in found] == expected
    above = list(read_results(tmp_path / "masks", photos=tmp_path))
    assert [one.file_name for one in above] == [f"ph/{name}" for name in expected]


def test_photos_that_were_moved_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    image, root = annotated(0), tmp_path / "ph"
    sources = write_run(
        tmp_path / "masks", photo(root / "a" / "1.png"), photo(root / "b" / "1.png"), root=root
    )
    for source in sources:
        save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    root.rename(tmp_path / "moved")
    found = list(read_results(tmp_path / "masks", photos=tmp_path / "moved"))
    assert [one.file_name for one in found] == ["a/1.png", "b/1.png"]
    with pytest.raises(DataError, match="is not there; give the folder with --photos"):
        list(read_results(tmp_path / "masks"))


def test_masks_of_an_interrupted_run_come_back(tmp_path: Path) -> None:
    image, root = annotated(0), tmp_path / "ph"
    first, *_ = write_run(tmp_path / "masks", photo(root / "1.png"), photo(root / "2.png"), root=root)
    save_mask(tmp_path / "masks" / f"{first.name}.png", image.segmentation.labels, 4)
    assert [one.file_name for one in read_results(tmp_path / "masks")] == ["1.png"]


@pytest.mark.parametrize("form", ["png", "rle"])
def test_a_photo_that_is_missing_of_another_size_or_meant_twice_is_refused(tmp_path: Path, form: str) -> None:
    image, root = annotated(0), tmp_path / "ph"
    path = photo(root / "a.png", image.size)
    (source,) = write_run(tmp_path / "masks", path, root=root, with_names=form == "png")
    if form == "png":
        save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    else:
        rows = [mask_row(source.key, image.segmentation)]
        write_rows(tmp_path / "masks" / "masks" / "part-00000-of-00001-000000.parquet", rows, MASK_SCHEMA)
    assert [one.file_name for one in read_results(tmp_path / "masks")] == ["a.png"]
    with pytest.raises(InputError, match=r"--photos .*nowhere: expected the folder"):
        list(read_results(tmp_path / "masks", photos=tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="its photo is not in"):
        list(read_results(tmp_path / "masks", photos=tmp_path / "empty"))
    photo(path, (30, 20))
    with pytest.raises(DataError, match="the photo is 30 x 20 pixels"):
        list(read_results(tmp_path / "masks", photos=root))
    path.unlink()
    with pytest.raises(DataError, match="is not there"):
        list(read_results(tmp_path / "masks"))


def test_photos_turned_by_their_mark_have_the_size_they_are_shown_in(tmp_path: Path) -> None:
    image, root = annotated(0), tmp_path / "ph"
    exif = Image.Exif()
    exif[274] = 6
    root.mkdir()
    Image.new("RGB", image.size).save(root / "a.jpg", exif=exif)  # its width is the height it is shown in
    (source,) = write_run(tmp_path / "masks", root / "a.jpg", root=root)
    save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    assert [one.size for one in read_results(tmp_path / "masks")] == [image.size]


@pytest.mark.parametrize("change", ["gone", "a folder", "broken", "turned"])
def test_a_photo_that_was_changed_after_the_run_is_refused(tmp_path: Path, change: str) -> None:
    image = annotated(0)
    path = photo(tmp_path / "photos" / "a.jpg", image.size)
    (source,) = write_run(tmp_path / "masks", path, root=tmp_path / "photos")
    save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    assert [one.file_name for one in read_results(tmp_path / "masks")] == ["a.jpg"]
    path.unlink()
    if change == "a folder":
        path.mkdir()
    elif change == "broken":
        path.write_bytes(b"x")
    elif change == "turned":
        mark = Image.Exif()
        mark[274] = 6
        Image.new("RGB", image.size[::-1]).save(path, exif=mark.tobytes())
    words = {"broken": "not an image", "turned": "80 x 60 pixels .* its mask 60 x 80"}.get(
        change, "is not there"
    )
    with pytest.raises((DataError, ImageError), match=words):
        list(read_results(tmp_path / "masks"))


def test_photos_below_links_and_names_in_another_case_keep_their_own_masks(tmp_path: Path) -> None:
    sizes = {"A.JPG": (20, 30), "a.jpg": (21, 30), "real/1.png": (22, 30)}
    for name, size in sizes.items():
        photo(tmp_path / "photos" / name, size)
    (tmp_path / "photos" / "link").symlink_to("real")
    paths = [tmp_path / "photos" / name for name in ("A.JPG", "a.jpg", "link/1.png")]
    sources = write_run(tmp_path / "masks", *paths, root=tmp_path / "photos")
    for source, size in zip(sources, sizes.values(), strict=True):
        save_mask(tmp_path / "masks" / f"{source.name}.png", torch.zeros(size, dtype=torch.int64), 4)
    found = {one.file_name: one.size for one in read_results(tmp_path / "masks")}
    assert found == {"A.JPG": (20, 30), "a.jpg": (21, 30), "link/1.png": (22, 30)}


def test_two_results_never_lead_to_one_photo(tmp_path: Path) -> None:
    image = annotated(0)
    photos = [photo(tmp_path / name / "1.png", image.size) for name in ("x", "y")]
    for source in write_run(tmp_path / "masks", *photos, root=tmp_path):
        save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    photo(tmp_path / "other" / "1.png", image.size)
    with pytest.raises(DataError, match=r"both lead to the photo 1\.png"):
        list(read_results(tmp_path / "masks", photos=tmp_path / "other"))


def test_parts_of_masks_come_back(tmp_path: Path) -> None:
    image = annotated(1)
    write_names(tmp_path)
    photo(tmp_path / "photos" / "a.jpg", image.size)
    key = str(tmp_path / "photos" / "a.jpg")
    write_rows(tmp_path / "parts" / "0.parquet", [mask_row(key, image.segmentation)], MASK_SCHEMA)
    (found,) = read_results(tmp_path, photos=tmp_path / "photos")
    assert found.file_name == "a.jpg"
    np.testing.assert_array_equal(found.segmentation.labels, image.segmentation.labels)


def test_names_that_are_not_utf8_lead_back(tmp_path: Path) -> None:
    image, root = annotated(0), tmp_path / "ph"
    raw = photo(root / "a.png").rename(root / os.fsdecode(b"caf\xe9.png"))
    (source,) = write_run(tmp_path / "masks", raw, root=root)
    save_mask(tmp_path / "masks" / f"{source.name}.png", image.segmentation.labels, 4)
    for folder in (None, root):
        (found,) = read_results(tmp_path / "masks", photos=folder)
        found.file_name.encode()
        assert root / path_of(found.file_name) == raw


def test_parts_of_tags_come_back(tmp_path: Path) -> None:
    image = annotated(1)
    write_names(tmp_path, NAMES[1:])
    write_rows(tmp_path / "parts" / "0.parquet", [tag_row("a.jpg", (60, 80), image.tagging)], TAG_SCHEMA)
    (found,) = read_results(tmp_path)
    assert found.tagging.tags == image.tagging.tags
    assert found.tagging.scores == pytest.approx(image.tagging.scores)


def test_damaged_and_foreign_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"settings\.json is missing"):
        list(read_results(tmp_path))
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(DataError, match="expected a list of labels"):
        list(read_results(tmp_path))
    write_names(tmp_path)
    with pytest.raises(DataError, match=r"no masks .* and no tags"):
        list(read_results(tmp_path))
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(DataError, match="cannot be read as a mask"):
        list(read_results(tmp_path))
    save_mask(tmp_path / "a.png", annotated(0).segmentation.labels + 9, 100)
    with pytest.raises(DataError, match="expected label ids 0 to 3"):
        list(read_results(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"text")
    with pytest.raises(DataError, match="not a part of a result"):
        list(read_results(tmp_path))

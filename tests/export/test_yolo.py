from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.export.yolo import data_yaml, write_yolo

from .blobs import annotated


def test_supervision_reads_the_same_regions(tmp_path: Path) -> None:
    sv = pytest.importorskip("supervision", reason="the export extra is not installed")
    image = annotated(3, "a.png")
    Image.new("RGB", (80, 60)).save(tmp_path / "a.png")
    assert write_yolo(tmp_path / "set", [image]) == 1
    data = sv.DetectionDataset.from_yolo(
        str(tmp_path), str(tmp_path / "set" / "labels"), str(tmp_path / "set" / "data.yaml"), force_masks=True
    )
    assert data.classes == ["cat", "dog & <co>", "tree"]
    _, _, found = next(iter(data))
    labels = image.segmentation.labels.numpy()
    for class_id in range(3):
        read = found.mask[found.class_id == class_id].any(axis=0)
        truth = labels == class_id + 1
        # their reader paints the border of every polygon, one pixel wide: look at the inside only
        overlap = (read & truth).sum() / truth.sum()
        assert overlap > 0.99
        assert abs(int(read.sum()) - int(truth.sum())) < 0.25 * truth.sum()


def test_corners_are_shares_of_the_image_and_areas_stay(tmp_path: Path) -> None:
    image = annotated(4)
    write_yolo(tmp_path, [image])
    areas = np.zeros(3)
    for line in (tmp_path / "labels" / "photo 4.txt").read_text().splitlines():
        class_id, *values = line.split()
        x, y = np.array(values, dtype=float).reshape(-1, 2).T
        assert min(x.min(), y.min()) >= 0
        assert max(x.max(), y.max()) <= 1
        areas[int(class_id)] += abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 * 60 * 80
    truth = image.segmentation.labels.flatten().bincount(minlength=4)[1:].numpy()
    np.testing.assert_allclose(areas, truth, rtol=0.02)  # the promise of the polygons


def test_folders_are_kept_and_names_stay_inside(tmp_path: Path) -> None:
    write_yolo(tmp_path / "out", [annotated(0, "day/a.jpg")])
    assert (tmp_path / "out" / "labels" / "day" / "a.txt").exists()
    for name in ("../a.jpg", "/etc/a.jpg", "day/../../a.jpg", "c:/a.jpg"):
        with pytest.raises(InputError, match="inside the folder"):
            write_yolo(tmp_path / "out", [annotated(0, name)])


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"another image of this name .* has taken a\.txt"):
        write_yolo(tmp_path, [annotated(0, "a.jpg"), annotated(0, "a.png")])


NAMES_OF_YAML = (
    "no", "on", "null", "~", "1.0", "1e3", "0x1f", "true", "2026-01-02", "a: b", "a # b", "- a", "[a]", "{a}", "&a", "*a",
    "!a", "%a", "@a", "it's", 'a "b" c', "back\\slash", " blanks ", "tab\tand\nline", "\u2028", "\x85", "\x7f", "\ufeff",
    "日本語", "🐕", "é", "e\u0301", "=", "<<", "?", "|", ">",
)  # fmt: skip


def test_names_that_mean_something_in_yaml_come_back_as_they_are() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        read = yaml.load(data_yaml(("background", *NAMES_OF_YAML)), Loader=loader)
        assert read == {"train": "images", "val": "images", "names": dict(enumerate(NAMES_OF_YAML))}


def test_class_ids_are_those_of_the_labels_whatever_occurs(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    image = annotated(3)
    image.segmentation.labels[image.segmentation.labels == 1] = 0  # a class that no image has
    write_yolo(tmp_path, [image])
    ids = {int(line.split()[0]) for line in (tmp_path / "labels" / "photo 3.txt").read_text().splitlines()}
    assert ids == {1, 2}
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["names"][2] == "tree"


def test_no_images_still_give_a_file_that_reads(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    assert write_yolo(tmp_path, []) == 0
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["names"] == {}

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tagalign.errors import InputError
from tagalign.export.cvat import write_cvat

from .blobs import NAMES, annotated


def paint(mask: ElementTree.Element, onto: np.ndarray, value: int) -> None:
    """A plain reader: run by run, row by row."""
    width, left, top = (int(mask.get(key, "")) for key in ("width", "left", "top"))
    place, on = 0, False
    for run in mask.get("rle", "").split(", "):
        for cell in range(place, place + int(run)):
            if on:
                onto[top + cell // width, left + cell % width] = value
        place, on = place + int(run), not on
    assert place == width * int(mask.get("height", ""))


def test_masks_are_the_label_map(tmp_path: Path) -> None:
    images = [annotated(seed) for seed in range(2)]
    assert write_cvat(tmp_path / "a.xml", images, NAMES) == 2
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert [label.findtext("name") for label in root.iter("label")] == list(NAMES[1:])
    for element, image in zip(root.iter("image"), images, strict=True):
        assert (element.get("name"), element.get("width"), element.get("height")) == (
            image.file_name,
            "80",
            "60",
        )
        painted = np.zeros(image.size, dtype=np.int64)
        for mask in element.iter("mask"):
            paint(mask, painted, NAMES.index(mask.get("label", "")))
        np.testing.assert_array_equal(painted, image.segmentation.labels.numpy())
        assert [tag.get("label") for tag in element.iter("tag")] == ["cat", "tree"]


def test_polygons_have_the_area_of_the_masks(tmp_path: Path) -> None:
    image = annotated(3)
    write_cvat(tmp_path / "a.xml", [image], NAMES, form="polygons")
    areas = dict.fromkeys(NAMES, 0.0)
    for polygon in ElementTree.parse(tmp_path / "a.xml").getroot().iter("polygon"):
        x, y = np.array([p.split(",") for p in polygon.get("points", "").split(";")], dtype=float).T
        areas[polygon.get("label", "")] += (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    truth = image.segmentation.labels.flatten().bincount(minlength=4).tolist()
    for name, area in zip(NAMES[1:], truth[1:], strict=True):
        assert areas[name] == pytest.approx(area, rel=0.02)  # the promise of the polygons


def test_odd_names_come_back_and_what_xml_cannot_hold_is_refused(tmp_path: Path) -> None:
    names = ('a "b" <c> & d', "tab\tline\n", "日本語 🐕", "it's")
    write_cvat(tmp_path / "a.xml", [annotated(0, f"x/{name}.jpg") for name in names], names)
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert [image.get("name") for image in root.iter("image")] == [f"x/{name}.jpg" for name in names]
    assert [label.findtext("name") for label in root.iter("label")] == list(names)
    for name in ("bell\x07.jpg", "caf\udce9.jpg"):
        with pytest.raises(InputError, match=r"XML cannot hold .* rename it"):
            write_cvat(tmp_path / "b.xml", [annotated(0, name)], names)
    assert not (tmp_path / "b.xml").exists()


def test_an_image_without_a_region_is_kept(tmp_path: Path) -> None:
    image = annotated(0)
    image.segmentation.labels[:] = 0
    assert write_cvat(tmp_path / "a.xml", [image], NAMES) == 1
    (found,) = ElementTree.parse(tmp_path / "a.xml").getroot().iter("image")
    assert not list(found.iter("mask"))

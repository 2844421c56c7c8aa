"""VOC's folders: boxes of the official data and of other tools, masks by id and by colour."""

import numpy as np
import pytest
from annotation_toys import read_all
from PIL import Image

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError
from tagalign.ops.voc_colours import palette


def xml(*objects, database="me", name="a, b.jpg"):
    inside = "".join(
        f"<object><name>{label}</name><difficult>{difficult}</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for label, (x0, y0, x1, y1), difficult in objects
    )
    return (
        f"<annotation><filename>{name}</filename><source><database>{database}</database></source>"
        f"<size><width>80</width><height>60</height><depth>3</depth></size>{inside}</annotation>"
    )


def write(folder, name, text):
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    (folder / f"Annotations/{name}.xml").write_text(text, encoding="utf-8")


def save_mask(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids.astype(np.uint8))
    image.putpalette([channel for colour in palette() for channel in colour])
    image.save(path)


def test_boxes_of_the_official_data_hold_their_last_pixel(tmp_path):
    write(
        tmp_path,
        "a",
        xml(("cat", (11, 21, 30, 40), 0), ("犬", (1, 1, 2, 2), 1), database="The VOC2007 Database"),
    )
    write(tmp_path, "b", xml(("cat", (10, 20, 30, 40), 0), name="b.jpg"))
    photos, source = read_all("voc", tmp_path)
    cat, dog = photos["a, b.jpg"].regions
    assert (cat.box, cat.is_box, cat.crowd) == ((10, 20, 30, 40), True, False)
    assert (dog.label, dog.box, dog.crowd) == ("犬", (0, 0, 2, 2), True), "difficult is not counted"
    assert photos["b.jpg"].regions[0].box == (10, 20, 30, 40), "other tools write borders of pixels"
    assert photos["b.jpg"].size == (60, 80)
    assert tuple(source.names) == ("cat", "犬")


def test_masks_are_one_region_per_class_and_object_and_boxes_do_not_count_twice(tmp_path):
    ids, numbers = np.zeros((60, 80)), np.zeros((60, 80))
    ids[10:20, 10:50], numbers[10:20, 10:20], numbers[10:20, 40:50] = 8, 1, 2
    ids[10:20, 20:40] = 0
    ids[9, 10:20] = 255
    save_mask(tmp_path / "SegmentationClass/day/x.png", ids)
    save_mask(tmp_path / "SegmentationObject/day/x.png", numbers)
    write(tmp_path, "x", xml(("cat", (10, 20, 30, 40), 0), name="x.jpg"))
    photos, source = read_all("voc", tmp_path)
    one, two, void = photos["day/x"].regions
    assert {one.label, two.label} == {"cat"}
    assert (one.box, two.box) == ((10, 10, 20, 20), (40, 10, 50, 20))
    assert (void.label, void.crowd, int(void.mask((60, 80)).sum())) == ("", True, 10)
    assert photos["day/x"].labels == ("cat",)
    assert len(photos["x.jpg"].regions) == 1, "another photo, without a mask"
    assert len(source.names) == 20


def test_boxes_beside_a_mask_leave_their_labels(tmp_path):
    save_mask(tmp_path / "SegmentationClass/x.png", np.zeros((60, 80)))
    write(tmp_path, "x", xml(("cat", (10, 20, 30, 40), 0), name="x.jpg"))
    photos, _ = read_all("voc", tmp_path)
    assert (photos["x.jpg"].tags, photos["x.jpg"].regions) == (("cat",), ())


def test_colours_of_a_label_map(tmp_path):
    colours = np.zeros((60, 80, 3), np.uint8)
    colours[:10], colours[10:20], colours[20:30], colours[30:40] = (
        (250, 50, 83),
        (1, 2, 3),
        (224, 224, 192),
        (9, 9, 9),
    )
    (tmp_path / "SegmentationClass").mkdir()
    Image.fromarray(colours).save(tmp_path / "SegmentationClass/x.png")
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar: red:250,50,83::\nsky:1,2,3::\n"
    )
    photos, source = read_all("voc", tmp_path)
    found = {one.label: (int(one.mask((60, 80)).sum()), one.crowd) for one in photos["x"].regions}
    assert found == {"car: red": (800, False), "sky": (800, False), "": (800, True)}
    assert next(iter(source.told.lines())).startswith(
        "left out: regions of an unknown class: 1 (x: id 592137"
    )


def test_labels_without_a_colour_have_vocs(tmp_path):
    ids = np.zeros((60, 80), dtype=np.uint8)
    ids[:10], ids[10:20] = 1, 15
    save_mask(tmp_path / "SegmentationClass/x.png", ids)
    names = ["background", *(f"name {i}" for i in range(1, 16))]
    (tmp_path / "labelmap.txt").write_text("# a line of words\n" + "".join(f"{name}:::\n" for name in names))
    photos, source = read_all("voc", tmp_path)
    found = {one.label: int(one.mask((60, 80)).sum()) for one in photos["x"].regions}
    assert found == {"name 1": 800, "name 15": 800}
    assert not source.told.counts
    (tmp_path / "labelmap.txt").write_text("a:::\n" * 257)
    with pytest.raises(DataError, match=r"labelmap\.txt, line 257: expected NAME:R,G,B"):
        read_all("voc", tmp_path)


def test_one_file_by_itself(tmp_path):
    write(tmp_path, "a", xml(("cat", (1, 2, 3, 4), 0)))
    assert list(read_all("voc", tmp_path / "Annotations/a.xml")[0]) == ["a, b.jpg"]


@pytest.mark.parametrize("box", [(1, 1, 1, 5), ("x", 1, 2, 2), ("nan", 1, 2, 2), (5, 1, 2, 2)])
def test_what_cannot_be_used_costs_itself_and_is_told(tmp_path, box):
    write(tmp_path, "a", xml(("cat", box, 0), ("dog", (1, 1, 2, 2), 0)))
    photos, source = read_all("voc", tmp_path)
    assert len(photos["a, b.jpg"].regions) == 1
    assert "damaged regions: 1 (a, b.jpg: cat" in next(iter(source.told.lines()))


def test_masks_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "SegmentationClass/x.png").write_bytes(b"no picture")
    photos, source = read_all("voc", tmp_path)
    assert not photos
    assert "masks that cannot be read: 1 (x" in next(iter(source.told.lines()))


@pytest.mark.parametrize(
    ("text", "match"),
    [("", "expected XML"), ("<annotation><object>", "expected XML"), ("<annotations/>", "expected <annotation>"),
     ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>', "document type")],
)  # fmt: skip
def test_a_damaged_file_costs_itself(tmp_path, text, match):
    write(tmp_path, "a", text)
    write(tmp_path, "b", xml())
    photos, source = read_all("voc", tmp_path)
    assert len(photos) == 1
    (line,) = source.told.lines()
    assert "files that cannot be read: 1 (a.xml" in line
    assert match in line
    with pytest.raises(DataError, match=match):
        read_all("voc", tmp_path / "Annotations/a.xml")


def test_what_looks_like_voc(tmp_path):
    write(tmp_path, "a", xml())
    assert READERS["voc"].looks_like(tmp_path)
    assert READERS["voc"].looks_like(tmp_path / "Annotations/a.xml")
    assert not READERS["voc"].looks_like(tmp_path / "Annotations")

"""CVAT's file: every shape by hand, its order of painting, and XML that nobody should open."""

import numpy as np
import pytest
from annotation_toys import read_all

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>cat</name><attributes><attribute><name>colour</name></attribute></attributes></label>
<label><name>big &amp; "dog"</name></label></labels></task></meta>
"""


def write(path, *shapes, name="a.jpg", tail="</annotations>"):
    inside = "".join(shapes)
    path.write_text(
        f'{HEAD}<image id="0" name="{name}" width="80" height="60">{inside}</image>{tail}', encoding="utf-8"
    )
    return path


def region(tmp_path, shape):
    photos, source = read_all("cvat", write(tmp_path / "a.xml", shape))
    assert not source.told.counts
    (found,) = photos["a.jpg"].regions
    return found


def test_polygons_have_the_pixels_inside(tmp_path):
    found = region(
        tmp_path, '<polygon label="cat" points="10.00,10.00;30.00,10.00;30.00,40.00" z_order="3"/>'
    )
    assert found.order == 3
    mask = found.mask((60, 80))
    # centres above the diagonal from (10, 10) to (30, 40)
    expected = np.array(
        [
            [10 < x + 0.5 < 30 and 10 < y + 0.5 < 10 + (x + 0.5 - 10) * 1.5 for x in range(80)]
            for y in range(60)
        ]
    )
    assert (mask != expected).sum() <= 2, "places are rounded to fifths of a pixel"


def test_masks_are_runs_along_the_rows_of_their_box(tmp_path):
    found = region(tmp_path, '<mask label="cat" rle="1, 2, 3" left="5" top="7" width="3" height="2"/>')
    assert np.argwhere(found.mask((60, 80))).tolist() == [[7, 6], [7, 7]]


def test_boxes_are_turned_around_their_middle(tmp_path):
    flat = region(tmp_path, '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="26"/>')
    assert (flat.box, flat.is_box, flat.code) == ((10, 20, 30, 26), True, None)
    found = region(tmp_path, '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="26" rotation="90"/>')
    np.testing.assert_allclose(found.box, (17, 13, 23, 33), atol=1e-9)  # float64 of a cosine
    mask = found.mask((60, 80))
    assert mask[13:33, 17:23].all()
    assert mask.sum() == 20 * 6
    # a small turn is clockwise on the screen: the right end goes down
    small = region(tmp_path, '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="26" rotation="20"/>').mask(
        (60, 80)
    )
    assert np.argwhere(small[:, 28]).mean() > 23 > np.argwhere(small[:, 12]).mean()


def test_ellipses_have_their_area(tmp_path):
    mask = region(tmp_path, '<ellipse label="cat" cx="40" cy="30" rx="20" ry="10" rotation="90"/>').mask(
        (60, 80)
    )
    assert abs(mask.sum() - np.pi * 20 * 10) < 12  # a pixel along the outline here and there
    assert mask[12, 40]
    assert not mask[30, 55]


def test_tags_labels_and_what_a_model_had_drawn(tmp_path):
    path = write(
        tmp_path / "a.xml",
        '<tag label="cat" source="auto"/><tag label="big &amp; &quot;dog&quot;" source="manual"/>',
    )
    photos, source = read_all("cvat", path)
    assert photos["a.jpg"].tags == ("cat", 'big & "dog"')
    assert photos["a.jpg"].given == ("cat",)
    assert tuple(source.names) == ("cat", 'big & "dog"'), "names of attributes are none"


def test_an_image_without_shapes_is_there(tmp_path):
    photos, _ = read_all("cvat", write(tmp_path / "a.xml", name="C:\\day 1\\&lt;é&gt;.jpg"))
    assert photos["C:\\day 1\\<é>.jpg"].labels == ()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ('<polyline label="cat" points="1,1;2,2"/>', "shapes that are no region: 1 (a.jpg: cat <polyline>)"),
        ('<skeleton label="cat"><points label="head" points="1,1"/></skeleton>', "cat <skeleton>"),
        ('<polygon label="cat" points="1,1;9,9"/>', "fewer than three corners: 1"),
        ('<polygon label="cat" points="1,1;9;9,9"/>', "points are x,y;x,y"),
        ('<polygon label="cat" points="1,1;nan,9;9,9"/>', "no finite number"),
        ('<mask label="cat" rle="1,2" left="0" top="0" width="3" height="2"/>', "got a sum of 3"),
        ('<mask label="cat" rle="6" left="78" top="0" width="3" height="2"/>', "outside of the photo"),
        ('<mask label="cat" rle="6" left="0" top="0" width="3" height="2"/>', "without a pixel"),
        ('<mask label="cat" left="0" top="0" width="3" height="2"/>', "damaged"),
        ('<box label="cat" xtl="10" ytl="20" xbr="10" ybr="26"/>', "a box from"),
        ('<box label="cat" xtl="inf" ytl="20" xbr="10" ybr="26"/>', "a box from"),
    ],
)
def test_what_cannot_be_used_costs_itself_and_is_told(tmp_path, shape, reason):
    good = '<box label="cat" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    photos, source = read_all("cvat", write(tmp_path / "a.xml", shape, good))
    assert len(photos["a.jpg"].regions) == 1
    (line,) = source.told.lines()
    assert reason in line


def test_tracks_are_told(tmp_path):
    path = write(tmp_path / "a.xml", tail='<track label="cat"><box frame="0"/></track></annotations>')
    assert "export the task as CVAT for images" in next(iter(read_all("cvat", path)[1].told.lines()))


def test_entities_are_refused_before_they_grow(tmp_path):
    path = tmp_path / "a.xml"
    lol = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE annotations [<!ENTITY l0 "lol">{lol}]><annotations>&l11;</annotations>'
    )
    with pytest.raises(DataError, match="declares a document type"):
        read_all("cvat", path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected XML"),
        (HEAD + '<image id="0" name="a.jpg"', "expected XML"),
        (HEAD + '<image id="0" name="a.jpg" width="x" height="2"/></annotations>', "without name or size"),
        (
            HEAD + '<image id="0" name="a.jpg" width="999999" height="999999"/></annotations>',
            "expected a size",
        ),
        ("<annotations>" + "<a>" * 60, "more than 50 elements"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text, match):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=match):
        read_all("cvat", path)


def test_only_cvat_looks_like_cvat(tmp_path):
    assert READERS["cvat"].looks_like(write(tmp_path / "a.xml"))
    (tmp_path / "b.xml").write_text("<annotation/>")
    assert not READERS["cvat"].looks_like(tmp_path / "b.xml")


@pytest.mark.parametrize("label", ["", 'label=""'])
def test_shapes_and_tags_without_a_label_are_told_and_not_void(tmp_path, label):
    shapes = (f"<tag {label}/>", f'<polygon {label} points="1,1;50,2;30,40"/>', '<tag label="dog"/>')
    photos, source = read_all("cvat", write(tmp_path / "a.xml", *shapes))
    assert (photos["a.jpg"].tags, photos["a.jpg"].regions) == (("dog",), ())
    assert list(source.told.counts.values()) == [2]

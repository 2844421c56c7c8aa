"""What was drawn becomes masks in its own order, against polygons that cover whole pixels."""

from pathlib import Path

import numpy as np

from tagalign.data.annotations.drawn import Unpainted, regions_of
from tagalign.data.annotations.reader import EMPTY, AnnotationSource
from tagalign.data.annotations.records import Marked

SIZE = (6, 8)


def square(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def filled(left, top, right, bottom):
    mask = np.zeros(SIZE, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def made(*drawn):
    source = AnnotationSource(path=Path("x"))
    return regions_of(source, "a.jpg", drawn), source.told


def test_regions_keep_the_order_in_which_they_were_drawn():
    ready = Marked(label="box", box=(0.0, 0.0, 2.0, 2.0))
    found, told = made(
        Unpainted(label="dog", size=SIZE, rings=(square(1, 1, 4, 3),), about={"score": 0.5}),
        ready,
        Unpainted(label="two", size=SIZE, rings=(square(0, 0, 2, 2), square(5, 3, 8, 6))),
    )
    assert [one.label for one in found] == ["dog", "box", "two"]
    assert found[1] is ready
    np.testing.assert_array_equal(found[0].mask(SIZE), filled(1, 1, 4, 3))
    assert (found[0].box, found[0].score) == ((1, 1, 4, 3), 0.5)
    np.testing.assert_array_equal(found[2].mask(SIZE), filled(0, 0, 2, 2) | filled(5, 3, 8, 6))
    assert not told.counts


def test_a_region_without_a_pixel_is_told_and_costs_no_other():
    empty = square(20, 20, 22, 22)
    found, told = made(
        Unpainted(label="none", size=SIZE, rings=(empty,)),
        Unpainted(label="dog", size=SIZE, rings=(square(1, 1, 4, 3),)),
    )
    assert [one.label for one in found] == ["dog"]
    assert told.counts == {EMPTY: 1}


def test_a_region_of_another_size_is_told():
    found, told = made(
        Unpainted(label="dog", size=SIZE, rings=(square(1, 1, 4, 3),)),
        Unpainted(label="cat", size=(60, 80), rings=(square(1, 1, 4, 3),)),
    )
    assert [one.label for one in found] == ["dog"]
    assert sum(told.counts.values()) == 1


def test_boxes_alone_pass_through():
    boxes = tuple(Marked(label=name, box=(0.0, 0.0, 1.0, 1.0)) for name in "ab")
    assert made(*boxes)[0] == boxes

"""What the pen draws against areas from school, and where an action's marks do not belong to the object."""

import math

import numpy as np
import pytest

from tagalign.data.tiny_world.pen import BLACK, LIGHT, OUTLINE, OUTLINE_PX, PAINT, Pen

SIDE = 66
INNER = SIDE - 2 * OUTLINE_PX  # pixels of the unit square: a rim fits around it


def area(values):
    return float(values.sum()) / INNER**2


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda pen: pen.rect(0.2, 0.3, 0.7, 0.9), 0.5 * 0.6),
        (lambda pen: pen.ellipse(0.1, 0.2, 0.9, 0.6), math.pi * 0.4 * 0.2),
        (lambda pen: pen.dot(0.5, 0.5, 0.3, PAINT), math.pi * 0.3**2),
        (lambda pen: pen.half(0.1, 0.2, 0.9, 0.6), math.pi * 0.4 * 0.2 / 2),
        (lambda pen: pen.poly([(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]), 0.8 * 0.8 / 2),
        (lambda pen: pen.line([(0.2, 0.5), (0.8, 0.5)], 0.1, PAINT), 0.6 * 0.1),
        (lambda pen: pen.ring(0.5, 0.5, 0.4, 0.1, PAINT), math.pi * (0.4**2 - 0.3**2)),
        # a star of n points: n * R * r * sin(pi / n)
        (lambda pen: pen.star(0.5, 0.5, 0.4, 5, 0.5), 5 * 0.4 * 0.2 * math.sin(math.pi / 5)),
    ],
)
def test_shapes_have_the_area_of_their_formula(draw, expected):
    pen = Pen(SIDE)
    draw(pen)
    # Pillow counts the rim's pixels in: a quarter of a pixel along every edge
    assert area(pen.finish().paint) == pytest.approx(expected, rel=0.05)


def test_a_box_maps_the_unit_square_into_a_part():
    pen = Pen(SIDE, box=(0.5, 0.0, 1.0, 0.5))
    pen.rect(0.0, 0.0, 1.0, 1.0)
    paint = pen.finish().paint
    assert area(paint) == pytest.approx(0.25, rel=0.05)
    assert paint[2 : SIDE // 2 - 1, SIDE // 2 + 2 : -2].min() == 1
    assert paint[SIDE // 2 + 2 :].max() == 0


def test_ink_is_a_share_of_paint_and_a_colour():
    pen = Pen(SIDE)
    pen.rect(0.0, 0.0, 1.0, 1.0, LIGHT)
    stencil, middle = pen.finish(), (SIDE // 2, SIDE // 2)
    assert stencil.paint[middle] == pytest.approx(LIGHT.paint / 255)
    assert stencil.fixed[middle] * 255 == pytest.approx(LIGHT.fixed)


def test_a_dark_rim_of_one_pixel_surrounds_the_shape():
    pen = Pen(SIDE)
    pen.rect(0.25, 0.25, 0.75, 0.75)
    stencil = pen.finish()
    rim = (stencil.alpha == 1) & (stencil.paint == 0)
    assert rim.any()
    np.testing.assert_allclose(stencil.fixed[rim] * 255, np.broadcast_to(OUTLINE, (rim.sum(), 3)), atol=1e-3)
    side = math.sqrt(float(stencil.alpha.sum()))
    assert side == pytest.approx(0.5 * INNER + 2 * OUTLINE_PX, abs=0.5)


def test_marks_of_an_action_are_seen_and_are_not_the_object():
    pen = Pen(SIDE)
    pen.rect(0.0, 0.0, 0.4, 1.0)
    pen.end_of_body()
    pen.rect(0.6, 0.0, 1.0, 1.0)
    stencil = pen.finish()
    assert stencil.alpha[33, 52] == 1
    assert stencil.body[33, 52] == 0
    assert stencil.body[33, 10] == 1


def test_closed_eyes_have_no_white():
    def white(asleep):
        pen = Pen(SIDE, asleep=asleep)
        pen.eye(0.5, 0.5, 0.2)
        return float(pen.finish().fixed.max()) * 255

    assert white(False) > 240
    assert white(True) <= max(BLACK.fixed) + 1

"""Shapes of a drawn copy: what stands in the annotations is what is on the picture."""

import numpy as np

from tagalign.data.rehearsal.scenes import Shape, colour_of, draw_scene


def test_every_class_comes_round():
    seen = {shape.label for i in range(30) for shape in draw_scene(0, i, (60, 80), 30, 2).shapes}
    assert seen == set(range(30))


def test_a_rectangle_has_the_area_of_its_sides():
    shape = Shape(label=0, points=((1.0, 1.0), (5.0, 1.0), (5.0, 3.0), (1.0, 3.0)))
    assert (shape.area, shape.box, shape.flat[:4]) == (8, (1, 1, 4, 2), [1, 1, 5, 1])


def test_pixels_carry_the_colour_of_the_class_that_the_mask_names():
    scene = draw_scene(3, 5, (90, 120), 12, 4)
    ids = np.asarray(scene.ids(range(1, 13), 0))
    picture = np.asarray(scene.picture())
    for label in set(ids.flatten()) - {0}:
        # outlines are dark; all other pixels of a shape have its colour
        same = (picture[ids == label] == colour_of(int(label) - 1)).all(axis=1)
        assert same.mean() > 0.8


def test_shapes_stay_inside():
    for i in range(50):
        for shape in draw_scene(1, i, (30, 40), 7, 3).shapes:
            xs, ys = zip(*shape.points, strict=True)
            assert (min(xs) >= 0, min(ys) >= 0, max(xs) <= 39, max(ys) <= 29) == (True,) * 4


def test_many_classes_take_sixteen_bits():
    scene = draw_scene(0, 400, (30, 40), 919, 1)
    assert np.asarray(scene.ids(range(1, 920), 0)).max() == 401


def test_neighbours_are_told_apart():
    colours = np.array([colour_of(i) for i in range(20)], float)
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 999 * np.eye(20)
    assert distances.min() > 10

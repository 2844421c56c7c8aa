"""What is true of a layout that was put together by hand."""

import pytest

from tagalign.data.tiny_world.scenes import Placed, SceneLayout
from tagalign.data.tiny_world.truth import attributes_of, relation_of, relations, true_tags


def placed(name, left, top, side=10, *, color="red", pattern="plain", size="medium", action=None):
    return Placed(
        name=name,
        color=color,
        pattern=pattern,
        size=size,
        action=action,
        flip=False,
        left=left,
        top=top,
        side=side,
    )


def layout(*objects):
    return SceneLayout("grass", (0, 0), objects)


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ((-20, 0), "left of"),
        ((20, 5), "right of"),
        ((0, -20), "above"),
        ((-5, 20), "below"),
        ((20, 20), None),  # along both axes: no word fits well
        ((7, 0), "behind"),  # overlaps, and is drawn first
        ((0, 0), "behind"),
    ],
)
def test_where_one_stands_as_seen_from_another(there, here):
    a, b = placed("dog", 50 + there[0], 50 + there[1]), placed("car", 50, 50)
    assert relation_of(a, b, layout(a, b)) == here
    opposite = {
        "left of": "right of",
        "right of": "left of",
        "above": "below",
        "below": "above",
        "behind": "in front of",
    }
    assert relation_of(b, a, layout(a, b)) == opposite.get(here)


def test_who_is_drawn_later_stands_in_front():
    a, b = placed("dog", 50, 50), placed("car", 55, 50)
    assert relation_of(a, b, layout(b, a)) == "in front of"


def test_what_one_would_say_leaves_out_the_ordinary():
    assert attributes_of(placed("dog", 0, 0)) == ("red",)
    striped = placed("dog", 0, 0, pattern="striped", size="big")
    assert attributes_of(striped) == ("big", "red", "striped")


def test_all_names_of_a_scene():
    scene = layout(
        placed("dog", 0, 0, action="sleeping"),
        placed("dog", 0, 40, color="blue", pattern="dotted"),
        placed("car", 40, 0, size="small"),
    )
    tags = true_tags(scene)
    assert tags.objects == ("car", "dog")
    assert tags.families == ("animal", "vehicle")
    assert tags.attributes == ("blue", "dotted", "red", "small")
    assert (tags.scenes, tags.actions) == (("grass",), ("sleeping",))
    assert tags.pairs == (
        ("car", "red"),
        ("car", "small"),
        ("dog", "blue"),
        ("dog", "dotted"),
        ("dog", "red"),
    )
    assert tags.relations == (), "of two dogs one cannot say which is meant"


def test_relations_are_said_of_kinds_that_stand_alone():
    scene = layout(placed("dog", 0, 0), placed("car", 40, 0))
    assert set(relations(scene)) == {("dog", "left of", "car"), ("car", "right of", "dog")}

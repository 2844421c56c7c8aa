"""Phrases that fit one object: each is looked up again by its words alone, on drawn scenes and on one by hand."""

from random import Random

import pytest

from tagalign.data.tiny_world import TinyWorld
from tagalign.data.tiny_world.referring import PER_OBJECT, expressions
from tagalign.data.tiny_world.scenes import Placed, SceneLayout

SIDES = ("on the left", "on the right", "at the top", "at the bottom")


def fits(phrase, one):
    """Whether all words of a phrase without a place are true of an object."""
    words = phrase.removeprefix("the ").split()
    known = {one.name, one.family, one.color, one.pattern, one.size, one.action}
    return all(word in known for word in words)


@pytest.mark.parametrize("number", range(25))
def test_every_phrase_fits_the_object_it_is_said_of_and_no_other(number):
    layout = TinyWorld(seed=5, split="unit", crowded=1.0)[number].layout
    for phrase, index in expressions(layout, Random(number)):
        side = next((words for words in SIDES if phrase.endswith(words)), "")
        kin = [one for one in layout.placed if fits(phrase.removesuffix(side).strip(), one)]
        if not side:
            assert kin == [layout.placed[index]], phrase
            continue
        centre = {one: (one.left + one.side / 2, one.top + one.side / 2) for one in kin}
        axis = 0 if side in SIDES[:2] else 1
        choose = min if side in ("on the left", "at the top") else max
        assert choose(kin, key=lambda one: centre[one][axis]) is layout.placed[index], phrase


def test_two_alike_are_told_apart_by_their_place_alone():
    def dog(left):
        return Placed(
            name="dog",
            color="red",
            pattern="plain",
            size="medium",
            action=None,
            flip=False,
            left=left,
            top=0,
            side=10,
        )

    found = expressions(SceneLayout("grass", (0, 0), (dog(0), dog(50))), Random(0))
    assert {index for _, index in found} == {0, 1}
    assert all("on the left" in phrase if index == 0 else "on the right" in phrase for phrase, index in found)


def test_no_object_has_more_phrases_than_asked():
    layout = TinyWorld(seed=5, split="unit", crowded=1.0)[0].layout
    counts = [index for _, index in expressions(layout, Random(0))]
    assert max(counts.count(i) for i in counts) <= PER_OBJECT

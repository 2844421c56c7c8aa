"""Questions of drawn scenes, answered again from what stands in the scene."""

from collections import Counter

import pytest

from tagalign.data.tiny_world import OBJECTS, TinyWorld
from tagalign.data.tiny_world.questions import plural
from tagalign.data.tiny_world.truth import relations

NUMBERS = ("no", "one", "two", "three", "four", "five")
SINGULAR = {plural(name): name for name in OBJECTS}


def test_no_two_kinds_share_a_plural():
    assert len(SINGULAR) == len(OBJECTS)
    assert (plural("bus"), plural("fish"), plural("dog")) == ("buses", "fish", "dogs")


@pytest.mark.parametrize("number", range(25))
def test_every_answer_is_true(number):
    scene = TinyWorld(seed=6, split="unit", crowded=1.0)[number]
    by_name = {one.name: one for one in scene.layout.placed}
    counts = Counter(one.name for one in scene.layout.placed)
    asked = dict(scene.questions)
    assert len(asked) == len(scene.questions) >= 4
    for question, answer in asked.items():
        words = question.removesuffix("?").split()
        if question == "what is in the background?":
            truth = scene.background
        elif question == "how many objects are there?":
            truth = NUMBERS[sum(counts.values())]
        elif words[0] == "how":
            truth = NUMBERS[counts[SINGULAR[words[2]]]]
        elif words[0] == "is":
            truth = "yes" if words[-1] in by_name else "no"
        elif "color" in words:
            truth = by_name[words[-1]].color
        elif "pattern" in words:
            truth = by_name[words[-1]].pattern
        elif words[-1] == "doing":
            truth = by_name[words[3]].action
        else:
            said = (
                question.removeprefix("what is ").removeprefix("to the ").removesuffix(f" the {words[-1]}?")
            )
            (truth,) = [a for a, relation, b in relations(scene.layout) if (relation, b) == (said, words[-1])]
        assert answer == truth, question

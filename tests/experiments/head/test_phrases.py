"""Which phrases need their colour or pattern."""

import pytest

from tagalign.data.tiny_world import TinyWorld
from tagalign.experiments.head.phrases import LOOKS, needs_looks


def test_a_look_is_needed_where_its_noun_fits_several_objects_of_a_scene():
    """Counted for every scene and kind, by the objects that were drawn."""
    seen = set()
    for scene in TinyWorld(seed=3, split="test").take(12):
        for one in scene.instances:
            for noun in (one.name, one.family):
                alike = [other for other in scene.instances if noun in (other.name, other.family)]
                found = needs_looks(f"the red {noun}", scene)
                assert found == (len(alike) > 1)
                assert not needs_looks(f"the {noun}", scene)
                assert not needs_looks(f"the big {noun}", scene)
                seen.add(found)
    assert seen == {True, False}


@pytest.mark.parametrize("word", ["plain", "the", "medium"])
def test_words_that_are_no_look(word):
    assert word not in LOOKS

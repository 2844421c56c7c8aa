"""Small words of all texts by hand, and sentences of drawn scenes that name what is there and nothing else."""

from random import Random

import pytest

from tagalign.data.tiny_world import BACKGROUNDS, OBJECTS, TinyWorld
from tagalign.data.tiny_world.captions import captions, listing, number_word, where, with_article


def test_small_words():
    assert [with_article(p) for p in ("dog", "orange car", "igloo")] == ["a dog", "an orange car", "an igloo"]
    assert [number_word(n) for n in (0, 1, 5, 6, 12)] == ["no", "one", "five", "6", "12"]
    assert [listing(list(p)) for p in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_every_background_has_its_words():
    for names in BACKGROUNDS.values():
        assert all(where(name).endswith(f"the {name}") for name in names)


@pytest.mark.parametrize("number", range(20))
def test_sentences_name_what_is_there_and_nothing_else(number):
    layout = TinyWorld(seed=7, split="unit", crowded=0.7)[number].layout
    names = {one.name for one in layout.placed}
    said = captions(layout, Random(number))
    assert len(said) == 5
    for place, sentence in enumerate(said):
        assert sentence.endswith(".")
        named = set(sentence.removesuffix(".").replace(",", "").split()) & set(OBJECTS)
        assert named <= names
        assert named == names or place not in (0, 3), "the first and the fourth name all"
    assert layout.background in said[0]

"""Words of alt text that say nothing: none of them names what is drawn, a few come often and most rarely."""

from collections import Counter
from random import Random

from tagalign.data.tiny_world import COLORS, OBJECTS, PATTERNS
from tagalign.data.tiny_world.words import GOODS, goods, invented_name, invented_names, noise


def test_invented_names_are_many_and_different():
    names = invented_names()
    assert len(set(names)) == len(names) > 1000
    assert all(name.isalpha() and name[0].isupper() for name in names)


def test_neighbours_have_nothing_in_common():
    """The list is shuffled: were it in order, the common names would all begin alike."""
    assert len({name[:2] for name in invented_names()[:40]}) > 12


def test_a_few_names_are_common_and_most_are_rare():
    rng = Random(0)
    seen = Counter(invented_name(rng) for _ in range(5000))
    often = sum(count for _, count in seen.most_common(10))
    assert 0.3 < often / 5000 < 0.45  # the harmonic numbers of 10 and of all names: 2.93 / 7.86
    assert len(seen) > 500


def test_goods_sometimes_have_a_material():
    rng = Random(0)
    drawn = [goods(rng).split() for _ in range(3000)]
    assert all(words[-1] in GOODS for words in drawn)
    assert abs(sum(len(words) == 2 for words in drawn) / 3000 - 0.4) < 0.04


def test_noise_never_names_what_is_drawn():
    rng = Random(0)
    said = {word.lower() for _ in range(4000) for word in noise(rng).split()}
    assert said.isdisjoint((*OBJECTS, *COLORS, *PATTERNS))


def test_one_seed_says_one_thing():
    assert [noise(Random(i)) for i in range(50)] == [noise(Random(i)) for i in range(50)]

"""Frequencies against Zipf's law written out, and what the two laws of the world draw.

Holds ``data/tiny_world/names.py``.
"""

from collections import Counter
from random import Random

import pytest

from tagalign.data.tiny_world.laws import ConceptsLaw, KindsLaw, ObjectToPlace, pick, zipf_weights
from tagalign.data.tiny_world.names import CONCEPTS, OBJECTS


@pytest.mark.parametrize(("count", "exponent"), [(1, 1.0), (5, 0.0), (7, 0.8), (28, 1.5)])
def test_shares_fall_with_the_power_of_the_rank(count, exponent):
    cumulative = zipf_weights(count, exponent)
    shares = [high - low for low, high in zip([0.0, *cumulative], cumulative, strict=False)]
    assert cumulative[-1] == pytest.approx(1)
    assert [share / shares[0] for share in shares] == pytest.approx(
        [(r + 1) ** -exponent for r in range(count)]
    )


def test_items_come_as_often_as_their_share():
    rng, draws = Random(0), 20_000
    seen = Counter(pick(rng, "abc", [0.5, 0.75, 1.0]) for _ in range(draws))
    for item, share in {"a": 0.5, "b": 0.25, "c": 0.25}.items():
        assert seen[item] / draws == pytest.approx(share, abs=0.015)  # four standard deviations


def test_the_first_version_draws_kinds_without_a_look_and_twins_of_the_same_kind():
    law, rng = KindsLaw(), Random(0)
    drawn = [law.wanted(rng) for _ in range(3000)]
    assert {one.kind for one in drawn} == set(OBJECTS)
    assert all(one.look is None and one.name == one.kind for one in drawn)
    before = rng.getstate()
    assert law.twin(rng, drawn[0]) == drawn[0]
    assert rng.getstate() == before, "old scenes stay as they are: a twin draws nothing"


def test_the_second_version_draws_concepts_and_twins_among_those_of_the_kind():
    law, rng = ConceptsLaw(), Random(0)
    names = {concept.name for concept in CONCEPTS}
    drawn = [law.wanted(rng) for _ in range(300)]
    assert all(one.name in names for one in drawn)
    twins = [law.twin(rng, ObjectToPlace("dog")) for _ in range(2000)]
    assert {one.kind for one in twins} == {"dog"}
    commonest = Counter(twins).most_common(1)[0][0]
    first_dog = next(concept for concept in CONCEPTS if concept.kind == "dog")
    assert commonest.name == first_dog.name

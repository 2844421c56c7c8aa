"""Versions of the world: the first one as it always was, concepts counted in the second, their words seen by all."""

import hashlib
from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest

from tagalign.data.tiny_world import (
    CLASS_SETS,
    COLORS,
    CONCEPTS,
    OBJECTS,
    PATTERNS,
    UNSEEN_CONCEPTS,
    TinyWorld,
)
from tagalign.errors import InputError

# SHA-256 of 40 scenes each, taken from the code before there were versions.
BEFORE_VERSIONS = {
    "c6d6871af00339fe": {},
    "175647f7c967e51e": {"seed": 5, "split": "test", "crowded": 1.0},
    "ff5ba91afc1ee035": {"split": "val", "palette": "other"},
    "fc99a047ea4eb829": {"roomy": True, "crowded": 1.0},
    "8b97a115f4b56c32": {"crowded": 0.0, "size": 120},
}


def told(scene):
    """Everything that is decided before drawing, and every text."""
    layout, phrases = scene.layout, [phrase for phrase, _ in scene.referring]
    placed = [astuple(one) for one in layout.placed]
    texts = (scene.alt_text, scene.captions, phrases, scene.questions, scene.relations)
    return repr((scene.key, layout.background, layout.offset, placed, *texts))


@pytest.mark.parametrize("expected", BEFORE_VERSIONS)
def test_version_one_is_the_world_before_there_were_versions(expected):
    scenes = TinyWorld(**BEFORE_VERSIONS[expected], version=1).take(40)
    assert hashlib.sha256("".join(map(told, scenes)).encode()).hexdigest()[:16] == expected


def test_there_are_more_than_a_thousand_concepts():
    assert len({concept.name for concept in CONCEPTS}) == len(CONCEPTS) == 28 * 10 * 4
    assert CLASS_SETS["concepts"] == tuple(concept.name for concept in CONCEPTS)


def test_every_word_of_an_unseen_concept_is_in_a_seen_one():
    seen = [concept for concept in CONCEPTS if concept.name not in UNSEEN_CONCEPTS]
    assert len(seen) + len(UNSEEN_CONCEPTS) == len(CONCEPTS)
    for field, words in (("kind", OBJECTS), ("color", COLORS), ("pattern", PATTERNS)):
        assert {getattr(concept, field) for concept in seen} == set(words)


def test_concepts_fall_like_zipf():
    counts = Counter(name for s in TinyWorld(version=2, crowded=0.0).take(1500) for name in s.concepts)
    weights = np.array([rank**-0.8 for rank in range(1, len(CONCEPTS) + 1)])
    expected = 1500 * weights / weights.sum()
    # Counts of 1500 draws: five standard deviations of a Poisson count.
    for concept, mean in list(zip(CONCEPTS, expected, strict=True))[:60]:
        assert abs(counts[concept.name] - mean) < 5 * np.sqrt(mean)
    tail = sum(counts[concept.name] for concept in CONCEPTS[500:])
    assert abs(tail - expected[500:].sum()) < 5 * np.sqrt(expected[500:].sum())


def test_alt_text_of_version_two_says_whole_concepts():
    whole = named = 0
    for scene in TinyWorld(version=2, split="said").take(150):
        text = f" {scene.alt_text.lower().replace(',', ' ')} "
        for one in scene.layout.placed:
            # "coconut palm" is a synonym, so a palm's own name does not tell
            alone = sum(other.name == one.name for other in scene.layout.placed) == 1
            if alone and one.name != "palm" and f" {one.name} " in text:
                named += 1
                whole += f" {one.concept} " in text
    assert named > 100
    assert whole == named


def test_a_second_object_of_a_kind_has_another_look():
    twins = 0
    for scene in TinyWorld(version=2, crowded=1.0).take(60):
        names = Counter(one.name for one in scene.layout.placed)
        twins += max(names.values()) > 1
        assert len(scene.concepts) == len(scene.layout.placed)
    assert twins > 3


def test_label_maps_of_concepts_agree_with_those_of_objects():
    kinds = np.array([0, *(OBJECTS.index(concept.kind) + 1 for concept in CONCEPTS)])
    for scene in TinyWorld(version=2).take(10):
        labels = scene.label_map("concepts")
        assert np.array_equal(kinds[labels], scene.label_map("objects"))
        assert {CONCEPTS[i - 1].name for i in np.unique(labels) if i} == set(scene.concepts)


def test_versions_have_no_scene_in_common():
    assert told(TinyWorld(version=2)[0]) != told(TinyWorld(version=1)[0])
    with pytest.raises(InputError, match="the tiny world has versions 1, 2, got 3"):
        TinyWorld(version=3)

"""Alt text that names what is not there: how often, what, and that nothing else changes; by counting words."""

import pytest

from tagalign.data.tiny_world import OBJECTS, SYNONYMS, TinyWorld
from tagalign.errors import InputError

SCENES = 200


def kinds_said(text):
    """Kinds that a text names, by name or synonym, as whole words."""
    words = f" {' '.join(text.lower().replace(',', ' ').split())} "
    return {kind for kind in OBJECTS if any(f" {name} " in words for name in (kind, *SYNONYMS[kind]))}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mislead", [0.0, 0.3, 1.0])
def test_as_many_texts_as_stated_name_something_absent(version, mislead):
    wrong = 0
    for scene in TinyWorld(version=version, mislead=mislead).take(SCENES):
        absent = kinds_said(scene.alt_text) - set(scene.tags.objects)
        assert len(absent) == (scene.misled_by is not None)
        wrong += bool(absent)
    # Five standard deviations of a binomial count; none at 0 and 1.
    assert abs(wrong - mislead * SCENES) <= 5 * (mislead * (1 - mislead) * SCENES) ** 0.5


def test_the_rest_of_the_text_and_the_picture_stay():
    clean, dirty = TinyWorld(version=2, split="pair"), TinyWorld(version=2, split="pair", mislead=0.5)
    for one, other in zip(clean.take(60), dirty.take(60), strict=True):
        assert one.layout == other.layout
        assert one.captions == other.captions
        assert one.alt_text in other.alt_text
        assert (one.alt_text == other.alt_text) == (other.misled_by is None)


def test_what_a_small_share_misleads_a_larger_one_does_too():
    little, much = TinyWorld(mislead=0.1), TinyWorld(mislead=0.4)
    for one, other in zip(little.take(100), much.take(100), strict=True):
        assert one.misled_by in (None, other.misled_by)


def test_version_two_names_a_concept():
    names = [s.misled_by for s in TinyWorld(version=2, mislead=1.0).take(50)]
    assert all(len(name.split()) in (2, 3) for name in names)


@pytest.mark.parametrize("mislead", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(mislead):
    with pytest.raises(InputError, match=r"mislead is a probability in \[0, 1\], got "):
        TinyWorld(mislead=mislead)

"""Small inflection rules against words solved by hand."""

import pytest

from tagalign.tags.lemmas import infinitive, singular

NOUNS = {
    "cars": "car", "boxes": "box", "dishes": "dish", "watches": "watch", "houses": "house", "horses": "horse",
    "berries": "berry", "movies": "movie", "leaves": "leaf", "women": "woman", "people": "person", "teeth": "tooth",
    "potatoes": "potato", "shoes": "shoe", "skis": "ski", "buses": "bus", "lenses": "lens", "sizes": "size",
    "glass": "glass", "bus": "bus", "jeans": "jeans", "sunglasses": "sunglasses", "grass": "grass", "tennis": "tennis",
}  # fmt: skip
VERBS = {
    "riding": "ride", "rode": "ride", "rides": "ride", "sitting": "sit", "sat": "sit", "parked": "park",
    "carries": "carry", "carried": "carry", "flying": "fly", "catches": "catch", "handling": "handle",
    "hanging": "hang", "changing": "change", "leaning": "lean", "covered": "cover", "prepared": "prepare",
    "cruising": "cruise", "falling": "fall", "run": "run", "skiing": "ski", "decorated": "decorate", "lying": "lie",
}  # fmt: skip


@pytest.mark.parametrize(("plural", "expected"), NOUNS.items())
def test_singular(plural, expected):
    assert singular(plural) == expected
    assert singular(expected) == expected, "a singular must stay"


@pytest.mark.parametrize(("form", "expected"), VERBS.items())
def test_infinitive(form, expected):
    assert infinitive(form) == expected

"""Lists of tags: what of a caption or a picture stands in them."""

from tagalign.data.tiny_world import TinyWorld
from tagalign.experiments.head.tag_lists import (
    backgrounds_apart,
    composed,
    fixed_parser,
    parses_of,
    true_parse,
    with_pairs,
)
from tagalign.tags.parses import ParsedCaption

PAIRS = (("dog", "big"), ("dog", "red"), ("dog", "striped"), ("photo", "old"), ("cat", "blue"))
PARSE = ParsedCaption(objects=("photo", "dog", "tree", "grass"), attributes=("red", "old"), pairs=PAIRS)


def test_concepts_are_nouns_with_their_looks():
    assert composed(PARSE).objects == ("old photo", "red striped dog", "tree", "grass")


def test_pairs_stand_beside_nouns_without_repetition():
    assert with_pairs(PARSE).objects == ("photo", "dog", "tree", "grass", "old photo", "red striped dog")


def test_backgrounds_become_the_other_kind():
    found = backgrounds_apart(PARSE)
    assert (found.objects, found.attributes) == (("photo", "dog", "tree"), ("grass",))


def test_true_names_are_those_of_the_picture_whatever_the_caption_says():
    train = list(TinyWorld(version=2, mislead=1.0).take(6))
    for scene, parse in zip(train, parses_of("true", train, ["nothing"] * 6), strict=True):
        assert set(parse.objects) == {one.name for one in scene.instances} | {scene.background}
        assert scene.misled_by not in composed(parse).objects
        assert true_parse(scene) == parse


def test_the_fixed_list_finds_its_names_and_colours():
    (parse,) = fixed_parser().parse(["a red dog beside a zorp"])
    assert ("dog" in parse.objects, "red" in parse.attributes, "zorp" in parse.objects) == (True, True, False)

"""Rules, scene graphs and fixed lists on captions whose tags a person can name.

Holds ``tags/fixed_list.py``, ``tags/rules.py``.
"""

import pytest

from tagalign.errors import InputError, UnknownNameError
from tagalign.tags import load_parser
from tagalign.tags.distilled import trim
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.parsers import PARSERS, parse_captions
from tagalign.tags.parses import Parser


@pytest.mark.parametrize("name", ["distilled", "rules", "scene-graph"])
def test_every_parser_finds_the_plain_things_and_nothing_in_nothing(name):
    parser = load_parser(name)
    assert isinstance(parser, Parser)
    first, empty = parser.parse(["a red car on the grass", ""])
    assert {"car", "grass"} <= set(first.objects + first.scenes)
    assert "red" in first.attributes
    assert (empty.objects, empty.attributes, empty.pairs) == ((), (), ())
    assert not set(parser.fields) - {"objects", "attributes", "pairs", "scenes", "actions", "relations"}


def test_scene_graphs_have_scenes_actions_and_relations():
    parse = load_parser("scene-graph").parse(["a man is riding a brown horse on the beach"])[0]
    assert parse.relations[0] == ("man", "ride", "horse")
    assert "ride" in parse.actions
    assert parse.scenes == ("beach",)
    assert "horse" in parse.objects


def test_a_fixed_list_takes_the_longest_entry_in_any_inflection(tmp_path):
    parser = FixedListParser([("traffic light", "object"), ("light", "object"), ("stripe", "attribute")])
    parse = parser.parse(["striped Traffic-Lights and a light"])[0]
    assert parse.objects == ("traffic light", "light")
    (tmp_path / "list.txt").write_text("cat\n\nhot dog\n")
    assert load_parser(f"fixed:{tmp_path / 'list.txt'}").parse(["two hot dogs"])[0].objects == ("hot dog",)
    with pytest.raises(InputError, match="needs its list"):
        load_parser("fixed")


def test_unknown_parsers_are_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="rules"):
        load_parser("nltk")
    assert set(PARSERS) == {"distilled", "fixed", "llm", "rules", "scene-graph"}


def test_two_senses_are_settled_by_the_caption_whether_normalised_or_not():
    captions = ["a picture of two glasses of wine", "a man with glasses under a hanging picture"]
    for normalize in (False, True):
        first, second = parse_captions(captions, normalize=normalize)
        assert "picture" not in first.objects
        assert not {"glasses"} & set(first.objects)
        assert "glasses" in second.objects


@pytest.mark.parametrize("tag", ["-", "us", "the", "of", "and the"])
def test_marks_and_function_words_are_no_tags(tag):
    assert trim(tag) == ""

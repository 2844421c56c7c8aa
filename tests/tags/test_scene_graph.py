"""The rules behind the scene graph, on tokens whose labels are given: relations, actions, scenes, ends of clauses."""

import pytest

from tagalign.tags.alignment import OBJECT, OBJECT_IN
from tagalign.tags.scene_graph import (
    SceneGraphParser,
    action_of,
    find_relations,
    is_scene,
    is_verb,
    lonely_action,
)


def labelled(text):
    """Tokens and labels of a text in which heads stand in brackets: ``a [hot dog] on a [bun]``."""
    tokens, labels, inside = [], [], False
    for word in text.split():
        starts, ends = word.startswith("["), word.endswith("]")
        tokens.append(word.strip("[]"))
        labels.append((OBJECT_IN if inside else OBJECT) if starts or inside else 0)
        inside = (starts or inside) and not ends
    return tokens, labels


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("a [man] is riding a [horse]", [("man", "ride", "horse")]),
        ("a [hot dog] on the [bun]", [("hot dog", "on", "bun")]),
        ("[man] standing next to a [car]", [("man", "stand next to", "car")]),
        ("[man] , [woman]", []),  # a stop between them is another clause
        ("[man] and [woman]", []),
        ("[man] is a [woman]", []),  # only words that say nothing
        ("[man] [woman]", []),
        ("[cat] on [mat] near [door]", [("cat", "on", "mat"), ("mat", "near", "door")]),
        ("[cat] on [mat] on [cat] on [mat]", [("cat", "on", "mat"), ("mat", "on", "cat")]),  # each once
        ("[man] far from where all of us ever [sat]", []),  # seven words are too many
        ("no heads", []),
    ],
)
def test_relations_stand_between_neighbouring_heads(text, relations):
    assert list(find_relations(*labelled(text))) == relations


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["riding"], "ride"),
        (["next", "to"], ""),
        (["sit", "on"], "sit"),
        (["has"], ""),
        (["is", "holding"], "hold"),
        (["on"], ""),
        ([], ""),
    ],
)
def test_the_verb_of_a_relation(words, verb):
    assert action_of(words) == verb


def test_prepositions_are_no_verbs_whatever_their_ending():
    assert not is_verb("across")
    assert is_verb("rides")
    assert is_verb("riding")
    assert not is_verb("yellow")


def test_scenes_go_by_their_last_word():
    assert is_scene("busy beach")
    assert is_scene("forests")
    assert not is_scene("beach ball")


def test_an_attribute_may_be_an_action():
    assert lonely_action("sitting down") == "sit"
    assert lonely_action("striped") == ""
    assert lonely_action("red") == ""


class Tagger:
    """A tagger that is told its labels in brackets."""

    def __init__(self):
        self.settings = {"network": "none"}

    def label_tokens(self, captions):
        return [labelled(caption) for caption in captions]

    def decode(self, tokens, labels):
        from tagalign.tags.alignment import spans
        from tagalign.tags.parses import ParsedCaption

        heads = [" ".join(tokens[start:end]) for kind, start, end in spans(labels) if kind == "object"]
        return ParsedCaption(objects=tuple(dict.fromkeys(heads)))


@pytest.fixture
def parser(monkeypatch):
    made = SceneGraphParser()
    monkeypatch.setattr(made, "_tagger", Tagger())
    return made


def test_a_caption_falls_into_objects_scenes_actions_and_relations(parser):
    (found,) = parser.parse(["two [boys] playing and a [dog] runs on the [beach]"])
    assert found.objects == ("boys", "dog")
    assert found.scenes == ("beach",)
    assert found.relations == (("dog", "run on", "beach"),)
    assert found.actions == ("run", "play")
    assert parser.settings == {"network": "none", "parser": "scene-graph", "version": 1}


def test_what_follows_the_last_head_is_an_action_only_as_a_verb(parser):
    (first, second) = parser.parse(["a [dog] sleeping", "a [dog] outside"])
    assert first.actions == ("sleep",)
    assert second.actions == ()

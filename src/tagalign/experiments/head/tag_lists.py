"""What the rows learn from captions: parsers, and which of their tags stand in the list."""

from collections.abc import Callable, Sequence
from functools import cache

from tagalign.data.tiny_world import BACKGROUNDS, Scene
from tagalign.data.tiny_world import SIZES as SIZE_WORDS
from tagalign.experiments.head.cells import ParserName, TagsOf
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.parsers import load_parser
from tagalign.tags.parses import ParsedCaption

ATTRIBUTE_NAMES = 100
FIXED_LISTS = ("coco-object:aliases", "coco-stuff:clean", "ade20k:clean")
COLORS = "red orange yellow green blue purple pink brown black white gray striped dotted checkered".split()  # noqa: SIM905


def parses_of(parser: ParserName, train: Sequence[Scene], captions: Sequence[str]) -> Sequence[ParsedCaption]:
    """Tags of the captions.

    ``true`` are the names of what a picture shows (a language model that sees it), whatever the caption says;
    ``fixed`` the names of three label sets that a caption holds, Tag2Text's way.
    """
    if parser == "true":
        return [true_parse(scene) for scene in train]
    if parser == "fixed":
        return fixed_parser().parse(list(captions))
    return load_parser(parser).parse(list(captions))


def true_parse(scene: Scene) -> ParsedCaption:
    """What a picture shows, with colours and patterns."""
    pairs = tuple((i.name, word) for i in scene.instances for word in (i.color, i.pattern) if word != "plain")
    names = tuple(dict.fromkeys([*(i.name for i in scene.instances), scene.background]))
    return ParsedCaption(objects=names, attributes=tuple(word for _, word in pairs), pairs=pairs)


@cache
def fixed_parser() -> FixedListParser:
    """Names of three label sets, and colours."""
    names = {
        word
        for spec in FIXED_LISTS
        for label in load_label_set(spec).labels
        for word in (label.name, *label.aliases)
    }
    return FixedListParser(
        [(name, "object") for name in sorted(names)] + [(color, "attribute") for color in COLORS]
    )


def composed(parse: ParsedCaption) -> ParsedCaption:
    """The same caption with its objects named by their looks: dog, (dog, red), (dog, striped) give "red striped dog".

    Words of size are left out: no concept has them. An object without looks keeps its noun.

    >>> composed(ParsedCaption(objects=("dog",), pairs=(("dog", "big"), ("dog", "red")))).objects
    ('red dog',)
    """
    looks: dict[str, list[str]] = {name: [] for name in parse.objects}
    for name, word in parse.pairs:
        if name in looks and word not in SIZE_WORDS:
            looks[name].append(word)
    return parse._replace(objects=tuple(" ".join([*words, name]) for name, words in looks.items()))


def with_pairs(parse: ParsedCaption) -> ParsedCaption:
    """Nouns, and beside them the nouns with their looks.

    >>> with_pairs(ParsedCaption(objects=("dog", "sky"), pairs=(("dog", "red"),))).objects
    ('dog', 'sky', 'red dog')
    """
    return parse._replace(objects=tuple(dict.fromkeys((*parse.objects, *composed(parse).objects))))


def backgrounds_apart(parse: ParsedCaption) -> ParsedCaption:
    """Backgrounds as the other kind of tag, so that a softmax of their own can hold them.

    >>> backgrounds_apart(ParsedCaption(objects=("dog", "sky"), attributes=("red",)))[:2]
    (('dog',), ('sky',))
    """
    known = BACKGROUNDS["default"]
    return parse._replace(
        objects=tuple(name for name in parse.objects if name not in known),
        attributes=tuple(name for name in parse.objects if name in known),
    )


LISTS: dict[TagsOf, Callable[[ParsedCaption], ParsedCaption]] = {
    "objects": lambda parse: parse,
    "concepts": composed,
    "attributes": lambda parse: parse,
    "split": lambda parse: parse,
    "pairs": with_pairs,
    "backgrounds": backgrounds_apart,
}
"""Which of a caption's tags are counted: nouns, nouns with their looks, nouns and attributes (in one softmax or in two),
nouns and nouns with looks, or nouns and backgrounds in a softmax each."""

TWO_KINDS: frozenset[TagsOf] = frozenset({"attributes", "split", "backgrounds"})
APART: frozenset[TagsOf] = frozenset({"split", "backgrounds"})

"""A parser by its name. The table below is the one place that knows them all.

Each is imported when it is built: whoever only handles labels waits for none of them.
"""

from collections.abc import Callable, Sequence

from tagalign.errors import InputError
from tagalign.registry import find_entry
from tagalign.tags.normalize import normalize_parse, settle_senses
from tagalign.tags.parses import ParsedCaption, Parser


def _distilled(argument: str) -> Parser:
    from tagalign.tags.distilled import DistilledParser

    return DistilledParser(argument) if argument else DistilledParser()


def _rules(argument: str) -> Parser:
    from tagalign.tags.rules import RulesParser

    return RulesParser()


def _scene_graph(argument: str) -> Parser:
    from tagalign.tags.distilled import DistilledParser
    from tagalign.tags.scene_graph import SceneGraphParser

    return SceneGraphParser(DistilledParser(argument) if argument else None)


def _fixed(argument: str) -> Parser:
    from tagalign.tags.fixed_list import FixedListParser

    if not argument:
        raise InputError(
            "the fixed-list parser needs its list: fixed:FILE (what tagalign vocabulary wrote, or one tag per line)"
        )
    return FixedListParser.load(argument)


def _llm(argument: str) -> Parser:
    raise InputError(
        "the LLM parser needs a server: tagalign parse --parser llm --llm-url ... or tags.llm.llm_parser()"
    )


PARSERS: dict[str, Callable[[str], Parser]] = {
    "distilled": _distilled,
    "fixed": _fixed,
    "llm": _llm,
    "rules": _rules,
    "scene-graph": _scene_graph,
}


def load_parser(name: str) -> Parser:
    """Build a parser.

    Args:
        name: a key of ``PARSERS``, with an argument after a colon where it takes one
            (``distilled:FOLDER``, ``fixed:FILE``).

    Raises:
        UnknownNameError: if no parser has that name.
        ModelError: if the model of the parser cannot be used.
        InputError: if the argument is missing or cannot be used.
        MissingExtraError: if the parser needs a package that is not installed.
    """
    key, _, argument = name.partition(":")
    return find_entry("parser", key, PARSERS)(argument)


def parse_captions(
    captions: Sequence[str], *, parser: str = "distilled", normalize: bool = False
) -> list[ParsedCaption]:
    """Tags of captions in one call.

    Args:
        captions: any number; for millions use ``tagalign parse``, which resumes.
        parser: see ``load_parser``.
        normalize: bring tags to their canonical form ("cars" -> "car"); off keeps the caption's own words.
            Vocabularies and labels normalise on their own, so they want neither.

    Example:
        >>> parse_captions(["two red cars on the grass"])[0].pairs
        (('cars', 'red'),)
        >>> parse_captions(["two red cars on the grass"], normalize=True)[0].pairs
        (('car', 'red'),)
    """
    parses = load_parser(parser).parse(captions)
    finish = normalize_parse if normalize else settle_senses
    return [finish(parse, caption) for parse, caption in zip(parses, captions, strict=True)]

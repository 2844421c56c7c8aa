"""A parser by its name. The table below is the one place that knows them all."""

from collections.abc import Callable, Sequence

from tagalign.errors import UnknownNameError
from tagalign.tags.distilled import DistilledParser
from tagalign.tags.normalize import normalize_parse
from tagalign.tags.parses import ParsedCaption, Parser


def _distilled(argument: str) -> Parser:
    return DistilledParser(argument) if argument else DistilledParser()


PARSERS: dict[str, Callable[[str], Parser]] = {"distilled": _distilled}


def load_parser(name: str) -> Parser:
    """Builds a parser.

    Args:
        name: a key of ``PARSERS``, with an argument after a colon where it takes one
            (``distilled:FOLDER``).

    Raises:
        UnknownNameError: if no parser has that name.
        ModelError: if the model of the parser cannot be used.
    """
    key, _, argument = name.partition(":")
    if key not in PARSERS:
        raise UnknownNameError("parser", key, PARSERS)
    return PARSERS[key](argument)


def parse_captions(
    captions: Sequence[str], *, parser: str = "distilled", normalize: bool = True
) -> list[ParsedCaption]:
    """Tags of captions in one call.

    Args:
        captions: any number; for millions use ``tagalign parse``, which resumes.
        parser: see ``load_parser``.
        normalize: bring tags to their canonical form ("cars" -> "car"); off keeps the caption's own words.

    Example:
        >>> parse_captions(["two red cars on the grass"])[0].pairs
        (('car', 'red'),)
    """
    parses = load_parser(parser).parse(captions)
    if not normalize:
        return parses
    return [normalize_parse(parse, caption) for parse, caption in zip(parses, captions, strict=True)]

"""Parser output to canonical tags: Unicode, case, hyphens, plurals, non-visible words. Optional."""

import re
from functools import lru_cache
from pathlib import Path

from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize

_IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "leaves": "leaf",
    "shelves": "shelf",
    "knives": "knife",
    "wolves": "wolf",
    "loaves": "loaf",
    "halves": "half",
}
_WORDS_DIR = Path(__file__).parent / "words"
_ALWAYS_PLURAL = frozenset((_WORDS_DIR / "always_plural.txt").read_text().split())
_NOT_VISIBLE = frozenset((_WORDS_DIR / "not_visible.txt").read_text().splitlines())
_KEEPS_S = re.compile(r"(ss|us|is|news|series|species|lens|gas|bus|canvas|tennis|dress)$")


@lru_cache(maxsize=200_000)
def normalize_tag(tag: str) -> str:
    """The canonical form of one tag: lower case, plain spaces, last word singular.

    Args:
        tag: an object or attribute as a parser gave it.

    Returns:
        The canonical tag, or "" where nothing is left. Normalising twice changes nothing more.

    Example:
        >>> normalize_tag("Red  Cars"), normalize_tag("sunglasses")
        ('red car', 'sunglasses')
    """
    words = [w for w in tokenize(tag) if w[0].isalnum()]
    name = " ".join([*words[:-1], _singular(words[-1])]) if words else ""
    return "" if name in _NOT_VISIBLE else name


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word in _ALWAYS_PLURAL or not word.endswith("s") or _KEEPS_S.search(word):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ches|shes|sses|xes|zes|oes)$", word):
        return word[:-2]
    return word[:-1]


def normalize_parse(parse: ParsedCaption) -> ParsedCaption:
    """Normalises every tag of a parse; what becomes empty is dropped, repeats are merged."""
    pairs = ((normalize_tag(o), normalize_tag(a)) for o, a in parse.pairs)
    return ParsedCaption(
        objects=_unique(parse.objects),
        attributes=_unique(parse.attributes),
        pairs=tuple(dict.fromkeys(pair for pair in pairs if all(pair))),
        scenes=_unique(parse.scenes),
        actions=_unique(parse.actions),
        relations=parse.relations,
    )


def _unique(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for t in map(normalize_tag, tags) if t))

"""Parser output to canonical tags: Unicode, case, hyphens, plurals, spellings, counts; non-visible words go.

A step of its own that can be switched off: a parser answers in the caption's words, the vocabulary counts canonical ones.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from tagalign.tags.lemmas import infinitive, singular
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize
from tagalign.tags.visible_text import SUSPECT_WORDS
from tagalign.tags.words import word_map, word_set, words_hash

_VERSION = 3  # counted up whenever the code below changes a tag

_LEADING = re.compile(
    r"^(?:(?:a|an|the|this|that|these|those|my|your|his|her|its|our|their|some|any|no|each|every|both|all|several|many"
    r"|few|various|numerous|one|two|three|four|five|six|seven|eight|nine|ten|dozen|dozens|hundreds|thousands|\d+"
    r"|(?:group|bunch|pair|couple|lot|lots|row|set|piece|pieces|stack|pile|number|variety|herd|flock|crowd|slice)s? of"
    r"|of) )+(?=\w)"
)
_DRINKWARE = re.compile(
    r"^(?:wine|beer|shot|champagne|cocktail|drinking|martini|water|juice|pint|whiskey|milk|measuring|hour|magnifying|empty"
    r"|full|crystal|margarita|tall) glasses$"
)
# "glasses" without more words: eyewear, unless the caption fills them or lays the table.
_FILLED = re.compile(
    r"\bglasses (?:full )?of\b|\bglasses (?:are |is |half )*(?:filled|full|empty)\b|\b(?:plates?|bottles?|cups?|bowls?"
    r"|dishes|silverware|napkins?),? (?:and|with) glasses\b|\bglasses,? and (?:plates?|bottles?|cups?|bowls?|dishes)\b"
    r"|\bglasses on (?:a |the )?(?:\w+ )?(?:table|tray|bar|counter)\b"
)
_AMBIGUOUS = frozenset(["glasses", "picture", "pictures"])
_PICTURE_OF = re.compile(r"\bpictures? of\b|\b(?:take|takes|took|taking|taken) (?:a |the |some )?pictures?\b")
_HUNG_PICTURE = re.compile(r"\b(?:framed|hanging|wall|walls|frame)\b")


def normalize_settings() -> dict[str, object]:
    """Version of the rules and hash of the word lists, for manifests."""
    return {"version": _VERSION, "words": words_hash()}


def normalize_tag(tag: str, kind: str = "object") -> str:
    """The canonical form of one tag.

    Args:
        tag: as a parser gave it.
        kind: "object", "attribute", "scene" or "action".

    Returns:
        The canonical tag, or "" for what is no visible thing or property. Normalising twice changes nothing more.

    Example:
        >>> normalize_tag("the Red Sports-Cars"), normalize_tag("sunglasses"), normalize_tag("two wine glasses")
        ('red sports car', 'sunglasses', 'wine glass')
        >>> normalize_tag("side view"), normalize_tag("coloured", "attribute"), normalize_tag("riding", "action")
        ('', 'colored', 'ride')
    """
    # most names are one plain word, which is its only token
    plain = tag.isascii() and tag.isalpha() and tag.islower() and tag not in SUSPECT_WORDS
    text = tag if plain else " ".join(word for word in tokenize(tag) if word[0].isalnum())
    for _ in range(4):  # each rule may open the way for another; in practice two rounds settle everything
        changed = _once(text, kind)
        if changed == text:
            break
        text = changed
    return text


normalize_repeated = lru_cache(maxsize=400_000)(normalize_tag)
"""The same, and what was said of a tag is kept: for captions, which repeat their words. Not for what clients of a server
send: each new word would stay in memory for good."""


def _once(text: str, kind: str) -> str:
    text = _respell(_LEADING.sub("", text)) if " " in text else word_map("spelling").get(text, text)
    if not text or text.isdigit() or len(text) == 1:
        return ""
    *modifiers, head = text.split(" ")
    if kind == "action":
        return " ".join([infinitive(modifiers[0]), *modifiers[1:], head] if modifiers else [infinitive(head)])
    if kind == "attribute":
        return "" if text in word_set("not_attributes") or head in _FUNCTION_WORDS else text
    if text in _not_objects() or f"*{head}" in word_set("not_objects"):
        return ""
    if not modifiers:
        return singular(head)
    head = "glass" if _DRINKWARE.match(text) else singular(head)
    return " ".join([*modifiers, head])


_FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "and", "or", "with", "in", "on", "at", "by", "to", "is", "are"]
)


@cache
def _not_objects() -> frozenset[str]:
    return frozenset(word.lstrip("*") for word in word_set("not_objects"))


def _respell(text: str) -> str:
    spelling = word_map("spelling")
    if text in spelling:
        return spelling[text]
    words = [spelling.get(word, word) for word in text.split(" ")]
    return spelling.get(joined := " ".join(words), joined)


def normalize_parse(parse: ParsedCaption, caption: str = "") -> ParsedCaption:
    """Normalise every tag of a parse; what becomes empty is dropped, repeats are merged.

    Args:
        parse: as a parser gave it.
        caption: lets words with two senses find theirs ("glasses of wine", "a picture of", "a picture on the wall").

    Example:
        >>> normalize_parse(ParsedCaption(objects=("glasses", "wine")), "two glasses of wine").objects
        ('glass', 'wine')
    """
    names = {name: _in_context(name, caption) for name in parse.objects}
    pairs = (
        (names.get(o) or _in_context(o, caption), normalize_repeated(a, "attribute")) for o, a in parse.pairs
    )
    relations = (
        (normalize_repeated(s), normalize_repeated(r, "action"), normalize_repeated(o))
        for s, r, o in parse.relations
    )
    return ParsedCaption(
        objects=_unique(names.values()),
        attributes=_unique(normalize_repeated(tag, "attribute") for tag in parse.attributes),
        pairs=tuple(dict.fromkeys(pair for pair in pairs if pair[0] and pair[1])),
        scenes=_unique(normalize_repeated(tag, "scene") for tag in parse.scenes),
        actions=_unique(normalize_repeated(tag, "action") for tag in parse.actions),
        relations=tuple(dict.fromkeys(relation for relation in relations if all(relation))),
        error=parse.error,
    )


def settle_senses(parse: ParsedCaption, caption: str) -> ParsedCaption:
    """Keep a caption's own words but for those whose sense only the caption can tell; all else may wait for counting.

    Args:
        parse: as a parser gave it.
        caption: its caption.

    Example:
        >>> settle_senses(ParsedCaption(objects=("picture", "dogs")), "a picture of dogs").objects
        ('dogs',)
    """
    if _AMBIGUOUS.isdisjoint(parse.objects):
        return parse
    names = {name: _sense(name, caption) for name in parse.objects}
    return parse._replace(
        objects=_unique(names.values()),
        pairs=tuple((names.get(o, o), a) for o, a in parse.pairs if names.get(o, o)),
    )


def _in_context(name: str, caption: str) -> str:
    return _sense(normalize_repeated(name), caption)


def _sense(tag: str, caption: str) -> str:
    text = caption.lower()
    if tag == "glasses" and _FILLED.search(text):
        return "glass"
    if tag in ("picture", "pictures") and _PICTURE_OF.search(text) and not _HUNG_PICTURE.search(text):
        return ""  # "a picture of a dog" is the photo itself
    return tag


def _unique(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for tag in tags if tag))

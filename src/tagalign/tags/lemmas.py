"""English inflection by small rules and lists: plural nouns to singular, verb forms to the infinitive."""

import re

from tagalign.tags.words import word_map, word_set

_SIBILANT = re.compile(r"(ss|sh|ch|x|tz|zz)es$")
_DOUBLED = re.compile(r"([bdgklmnprtvz])\1$")
# What a stem before "-ing" or "-ed" looks like when it has lost its "e": "plac", "danc", "cruis", "handl", "chang".
_LOST_E = re.compile(r"([cvuz]|dg|[rl]g|(lou|plu|lle|cha|rra)ng|(?<!foc)(?<!bi)[aeiourlnp]s|[bcdfgkpstz]l)$")
# One syllable, one vowel, one consonant: a verb without "e" would have doubled it ("sitting").
_SHORT = re.compile(r"^[^aeiou]*(qu)?[aeiouy][bdgklmnprt]$")
# Endings of longer stems that nearly always had an "e": "decorat", "decid", "prepar", "featur", "combin".
_LONG = re.compile(
    r"[aeiou].*[^aeiou](at|id|ir|ar|ur|ud|ag|um|in|ik|ib|ob|plor|dor|stor|gnor|vit|xcit|nit|plet|mot|vot)$"
)


def singular(word: str) -> str:
    """The singular of a noun; words that keep their plural ("jeans") or have none ("bus") stay.

    Example:
        >>> [singular(word) for word in ("cars", "boxes", "berries", "leaves", "sunglasses", "bus")]
        ['car', 'box', 'berry', 'leaf', 'sunglasses', 'bus']
    """
    known = word_map("irregular").get(word)
    if known:
        return known
    if len(word) < 4 or word[-1] != "s" or word.endswith(("ss", "us", "is")) or word in word_set("plural"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("oes") or _SIBILANT.search(word):
        return word[:-2]
    return word[:-1]


def infinitive(word: str) -> str:
    """The infinitive of a verb form: "riding", "rode", "rides" give "ride".

    Example:
        >>> [infinitive(word) for word in ("riding", "rides", "rode", "sitting", "parked", "carries", "run")]
        ['ride', 'ride', 'ride', 'sit', 'park', 'carry', 'run']
    """
    known = word_map("verbs").get(word)
    if known:
        return known
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and re.search("[aeiouy]", stem):
            return _base(stem)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if _SIBILANT.search(word) or word.endswith("oes"):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui" else word


def _base(stem: str) -> str:
    """What stood before "-ing" or "-ed"."""
    if stem.endswith("i"):  # "carried"
        return stem[:-1] + "y"
    if _DOUBLED.search(stem) and not stem.endswith(("ll", "ss", "zz")):
        return stem[:-1]
    return stem + "e" if _needs_e(stem) else stem


def _needs_e(stem: str) -> bool:
    return any(pattern.search(stem) for pattern in (_LOST_E, _SHORT, _LONG))

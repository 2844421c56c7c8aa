"""Texts about a layout: noisy alt text, and five plain sentences."""

from random import Random

from tagalign.data.tiny_world.names import SYNONYMS
from tagalign.data.tiny_world.scenes import Layout, Placed
from tagalign.data.tiny_world.truth import attributes_of, relation_of
from tagalign.data.tiny_world.words import PREFIXES, noise

MENTION_SHARE = 0.75  # objects of a crowded scene that the alt text names
COLOR_SHARE = 0.6  # colours, patterns, sizes and backgrounds said
PATTERN_SHARE = 0.6
SIZE_SHARE = 0.25
ACTION_SHARE = 0.6
SYNONYM_SHARE = 0.08
FAMILY_SHARE = 0.06
BACKGROUND_SHARE = 0.4
NOISE_SHARE = 0.65
SILENT_SHARE = 0.02  # alt text that names nothing one sees

_SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five")
_WHERE = {
    "grass": "on the grass", "sky": "in the sky", "sand": "on the sand", "water": "in the water",
    "snow": "in the snow", "street": "on the street", "carpet": "on the carpet", "wall": "at the wall",
    "forest": "in the forest", "desert": "in the desert", "night": "in the night", "field": "in the field",
}  # fmt: skip


def where(background: str) -> str:
    """Return the background as an adverb: `on the grass`."""
    return _WHERE[background]


def with_article(phrase: str) -> str:
    """Put `a` or `an` before a phrase."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def number_word(count: int) -> str:
    """Write 0 to 5 as a word, larger numbers in digits."""
    return _SMALL_NUMBERS[count] if count < len(_SMALL_NUMBERS) else str(count)


def listing(phrases: list[str]) -> str:
    """Join phrases: `a`, `a and b`, `a, b and c`."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def alt_text(layout: Layout, rng: Random) -> str:
    """Write alt text as found on the web: some of the objects, some of their looks, and irrelevant words."""
    if rng.random() < SILENT_SHARE:
        return f"{noise(rng)} {noise(rng)}"
    named = [one for one in layout.placed if rng.random() < MENTION_SHARE] or [rng.choice(layout.placed)]
    rng.shuffle(named)
    text = _alt_core(named, layout, rng)
    if rng.random() < BACKGROUND_SHARE:
        style = rng.randrange(3)
        text += (f" {where(layout.background)}", f", {layout.background}", f" and {layout.background}")[style]
    if rng.random() < 0.3:
        text = rng.choice(PREFIXES).format(text)
    if rng.random() < NOISE_SHARE:
        extra = noise(rng)
        text = (
            f"{extra} {text}"
            if rng.random() < 0.2
            else f"{text}{rng.choice((' ', ', ', ' - ', ' | '))}{extra}"
        )
    return text if rng.random() < 0.7 else text[0].upper() + text[1:]


def captions(layout: Layout, rng: Random) -> tuple[str, ...]:
    """Write five sentences; each names at least half of the objects, the first and the fourth name all."""
    placed = list(reversed(layout.placed))
    return (
        f"{listing([_plain(one, rng) for one in placed])} {where(layout.background)}.",
        _relation_sentence(placed, layout, rng),
        f"a picture of {listing([_plain(one, rng) for one in _some(placed, rng)])}.",
        f"there {'is' if len(placed) == 1 else 'are'} {listing([_plain(one, rng) for one in placed])}.",
        _action_sentence(placed, layout, rng),
    )


def _alt_core(named: list[Placed], layout: Layout, rng: Random) -> str:
    phrases = [_loose(one, rng) for one in named]
    if len(named) >= 2 and rng.random() < 0.3:
        relation = relation_of(named[0], named[1], layout)
        if relation:
            return listing([f"{phrases[0]} {relation} {phrases[1]}", *phrases[2:]])
    joiner = rng.randrange(4)
    if joiner == 0:
        return ", ".join(phrases)
    if joiner == 1:
        return " and ".join(phrases)
    if joiner == 2:
        return listing([with_article(phrase) for phrase in phrases])
    return " with ".join(phrases[:2]) + "".join(f" and {phrase}" for phrase in phrases[2:])


def _loose(one: Placed, rng: Random) -> str:
    """Name an object with some of its looks, now and then by a synonym or by its family."""
    words = []
    if one.size != "medium" and rng.random() < SIZE_SHARE:
        words.append(one.size)
    if rng.random() < COLOR_SHARE:
        words.append(one.color)
    if one.pattern != "plain" and rng.random() < PATTERN_SHARE:
        words.append(one.pattern)
    chance = rng.random()
    if chance < SYNONYM_SHARE:
        words.append(rng.choice(SYNONYMS[one.name]))
    else:
        words.append(one.family if chance > 1 - FAMILY_SHARE else one.name)
    if one.action and rng.random() < ACTION_SHARE:
        words.append(one.action)
    return " ".join(words)


def _plain(one: Placed, rng: Random) -> str:
    """Name an object with its article and, mostly, its looks."""
    words = [word for word in attributes_of(one) if rng.random() < 0.65]
    return with_article(" ".join([*words, one.name]))


def _some(placed: list[Placed], rng: Random) -> list[Placed]:
    return rng.sample(placed, (len(placed) + 1) // 2)


def _relation_sentence(placed: list[Placed], layout: Layout, rng: Random) -> str:
    pairs = [(a, r, b) for a in placed for b in placed if a is not b and (r := relation_of(a, b, layout))]
    if not pairs:
        return f"{_plain(placed[0], rng)} {where(layout.background)}."
    a, relation, b = rng.choice(pairs)
    words = relation if relation in ("above", "below", "behind", "in front of") else f"to the {relation}"
    return f"{_plain(a, rng)} {words} {_plain(b, rng)}."


def _action_sentence(placed: list[Placed], layout: Layout, rng: Random) -> str:
    acting = [one for one in placed if one.action]
    if acting:
        one = rng.choice(acting)
        return f"{_plain(one, rng)} is {one.action} {where(layout.background)}."
    return (
        f"{listing([_plain(one, rng) for one in _some(placed, rng)])} can be seen {where(layout.background)}."
    )

"""Five plain sentences about a layout, and the small words that all texts share."""

from random import Random

from tagalign.data.tiny_world.scenes import Placed, SceneLayout
from tagalign.data.tiny_world.truth import attributes_of, relation_of

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


def captions(layout: SceneLayout, rng: Random) -> tuple[str, ...]:
    """Write five sentences; each names at least half of the objects, the first and the fourth name all."""
    placed = list(reversed(layout.placed))
    return (
        f"{listing([_plain(one, rng) for one in placed])} {where(layout.background)}.",
        _relation_sentence(placed, layout, rng),
        f"a picture of {listing([_plain(one, rng) for one in _some(placed, rng)])}.",
        f"there {'is' if len(placed) == 1 else 'are'} {listing([_plain(one, rng) for one in placed])}.",
        _action_sentence(placed, layout, rng),
    )


def _plain(one: Placed, rng: Random) -> str:
    """Name an object with its article and, mostly, its looks."""
    words = [word for word in attributes_of(one) if rng.random() < 0.65]
    return with_article(" ".join([*words, one.name]))


def _some(placed: list[Placed], rng: Random) -> list[Placed]:
    return rng.sample(placed, (len(placed) + 1) // 2)


def _relation_sentence(placed: list[Placed], layout: SceneLayout, rng: Random) -> str:
    pairs = [(a, r, b) for a in placed for b in placed if a is not b and (r := relation_of(a, b, layout))]
    if not pairs:
        return f"{_plain(placed[0], rng)} {where(layout.background)}."
    a, relation, b = rng.choice(pairs)
    words = relation if relation in ("above", "below", "behind", "in front of") else f"to the {relation}"
    return f"{_plain(a, rng)} {words} {_plain(b, rng)}."


def _action_sentence(placed: list[Placed], layout: SceneLayout, rng: Random) -> str:
    acting = [one for one in placed if one.action]
    if acting:
        one = rng.choice(acting)
        return f"{_plain(one, rng)} is {one.action} {where(layout.background)}."
    return (
        f"{listing([_plain(one, rng) for one in _some(placed, rng)])} can be seen {where(layout.background)}."
    )

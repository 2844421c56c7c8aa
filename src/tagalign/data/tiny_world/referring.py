"""Phrases that fit exactly one object of a layout."""

from collections.abc import Callable, Iterator
from random import Random

from tagalign.data.tiny_world.scenes import Placed, SceneLayout

PER_OBJECT = 2  # phrases given for one object

_SIDES: dict[str, Callable[[Placed], float]] = {
    "on the left": lambda one: one.left + one.side / 2,
    "on the right": lambda one: -(one.left + one.side / 2),
    "at the top": lambda one: one.top + one.side / 2,
    "at the bottom": lambda one: -(one.top + one.side / 2),
}


def expressions(layout: SceneLayout, rng: Random) -> tuple[tuple[str, int], ...]:
    """Return up to two unambiguous phrases for each object, with its place in `layout.placed`.

    A phrase is kept when its words are true of one object only; a place ("on the left") compares the centres of
    the objects that share the noun.
    """
    found: list[tuple[str, int]] = []
    for index, one in enumerate(layout.placed):
        phrases = [phrase for phrase, fits in _candidates(one, layout) if fits]
        found += [(phrase, index) for phrase in rng.sample(phrases, min(PER_OBJECT, len(phrases)))]
    return tuple(found)


def _candidates(one: Placed, layout: SceneLayout) -> Iterator[tuple[str, bool]]:
    """Yield phrases that are true of `one`, with whether they are true of it alone."""

    def alone(fits: Callable[[Placed], bool]) -> bool:
        return sum(map(fits, layout.placed)) == 1

    for noun, kin in ((one.name, _same("name", one)), (one.family, _same("family", one))):
        yield f"the {noun}", alone(kin)
        for field in ("color", "pattern", "size"):
            word = getattr(one, field)
            if word not in ("plain", "medium"):
                same = _same(field, one)
                yield f"the {word} {noun}", alone(_both(kin, same))
        if one.action:
            doing = _same("action", one)
            yield f"the {noun} {one.action}", alone(_both(kin, doing))
        group = [other for other in layout.placed if kin(other)]
        for words, key in _SIDES.items():
            yield f"the {noun} {words}", len(group) > 1 and _first_by_far(one, group, key)


def _both(first: Callable[[Placed], bool], second: Callable[[Placed], bool]) -> Callable[[Placed], bool]:
    return lambda other: first(other) and second(other)


def _same(field: str, one: Placed) -> Callable[[Placed], bool]:
    return lambda other: bool(getattr(other, field) == getattr(one, field))


def _first_by_far(one: Placed, group: list[Placed], key: Callable[[Placed], float]) -> bool:
    """Whether `one` comes first by at least half of its side."""
    return all(key(one) + one.side / 2 <= key(other) for other in group if other is not one)

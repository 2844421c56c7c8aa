"""Questions about a layout, with their answers."""

from random import Random

from tagalign.data.tiny_world.captions import number_word
from tagalign.data.tiny_world.names import OBJECTS
from tagalign.data.tiny_world.scenes import Placed, SceneLayout
from tagalign.data.tiny_world.truth import relations

_PLURALS = {"fish": "fish", "butterfly": "butterflies", "bus": "buses", "cactus": "cacti"}


def plural(name: str) -> str:
    """Return the plural of a kind of object."""
    return _PLURALS.get(name, f"{name}s")


def questions(layout: SceneLayout, rng: Random) -> tuple[tuple[str, str], ...]:
    """Return four or more questions with one right answer each, in lower case."""
    present = sorted({one.name for one in layout.placed})
    names = [one.name for one in layout.placed]
    asked = [
        ("what is in the background?", layout.background),
        ("how many objects are there?", number_word(len(names))),
        (f"is there a {rng.choice(present)}?", "yes"),
        (f"is there a {rng.choice([name for name in OBJECTS if name not in present])}?", "no"),
    ]
    for one in layout.placed:
        if names.count(one.name) == 1:
            asked += _about(one)
    asked += [
        (f"how many {plural(name)} are there?", number_word(names.count(name)))
        for name in present
        if names.count(name) > 1
    ]
    asked += _about_places(layout)
    return tuple(asked)


def _about(one: Placed) -> list[tuple[str, str]]:
    asked = [(f"what color is the {one.name}?", one.color)]
    if one.pattern != "plain":
        asked.append((f"what is the pattern of the {one.name}?", one.pattern))
    if one.action:
        asked.append((f"what is the {one.name} doing?", one.action))
    return asked


def _about_places(layout: SceneLayout) -> list[tuple[str, str]]:
    """Ask for the one object that stands in a relation to another."""
    known = relations(layout)
    answers: dict[tuple[str, str], list[str]] = {}
    for subject, relation, other in known:
        answers.setdefault((relation, other), []).append(subject)
    return [
        (
            f"what is {'to the ' if relation in ('left of', 'right of') else ''}{relation} the {other}?",
            found[0],
        )
        for (relation, other), found in answers.items()
        if len(found) == 1
    ]

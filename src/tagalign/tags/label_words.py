"""What can be wrong with the words of a label set: found here once, refused by the reader, listed by ``labels check``."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tagalign.labels import LabelSet
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.same_label import same_label

ProblemKind = Literal[
    "repeated",
    "synonym-of-two",
    "own-negative",
    "groups",
    "negative-is-label",
    "plural",
    "alike",
    "unknown-word",
    "not-here",
]
REFUSED: frozenset[ProblemKind] = frozenset({"repeated", "synonym-of-two", "own-negative", "groups"})
"""Kinds that no answer can make sense of; the others are for people to decide."""


@dataclass(frozen=True, kw_only=True)
class LabelProblem:
    """Something about labels that a person should look at.

    Attributes:
        kind: of the problem.
        labels: names of the labels that it is about.
        text: one sentence: what is wrong, and what to do.
    """

    kind: ProblemKind
    labels: tuple[str, ...]
    text: str

    @property
    def refused(self) -> bool:
        """Whether a label set with it is refused."""
        return self.kind in REFUSED


def word_problems(labels: LabelSet) -> list[LabelProblem]:
    """All problems that the words alone show, those that are refused first.

    Compared is what CLIP's tokenizers see: no case, single blanks, composed letters. A negative may be the name of another
    label (``cup; not trophy`` beside ``trophy``); it is listed because it decides between the two.
    """
    found = [*_repeated(labels), *_shared(labels), *_own_negatives(labels), *group_problems(labels)]
    return [*found, *_negatives_that_are_labels(labels), *_plurals(labels)]


def _repeated(labels: LabelSet) -> Iterable[LabelProblem]:
    for names in _by_key((same_label(name), name) for name in labels.names).values():
        if len(names) > 1:
            yield LabelProblem(
                kind="repeated",
                labels=names,
                text=f"label {names[0]!r} stands {_times(len(names))} (case and composed letters do not count); remove one",
            )


def _shared(labels: LabelSet) -> Iterable[LabelProblem]:
    """Words that would give two tags for one thing."""
    names = labels.names  # made anew at each look: once for all labels, or the work is quadratic
    keys = [same_label(name) for name in names]
    known = set(keys)
    owners: dict[str, dict[int, str]] = defaultdict(dict)
    for i, label in enumerate(labels.labels):
        for word in (label.name, *label.aliases):
            owners[same_label(word)].setdefault(i, word)
    for key, by_label in owners.items():
        aliases_of = [i for i in by_label if keys[i] != key]
        if len(by_label) > 1 and aliases_of:
            both = tuple(names[i] for i in by_label)
            what = "is a label and another word" if key in known else "is another word"
            yield LabelProblem(
                kind="synonym-of-two",
                labels=both,
                text=f"{by_label[aliases_of[0]]!r} {what} for {_listed(both)}: one thing would get two tags; "
                "keep it at one of them",
            )


def _own_negatives(labels: LabelSet) -> Iterable[LabelProblem]:
    for label in labels.labels:
        own = {same_label(word) for word in (label.name, *label.aliases)}
        for word in label.negatives:
            if same_label(word) in own:
                yield LabelProblem(
                    kind="own-negative",
                    labels=(label.name,),
                    text=f"{word!r} stands for {label.name!r} and excludes it too; remove one of the two",
                )


def group_problems(labels: LabelSet) -> list[LabelProblem]:
    """Groups that lead nowhere or in a circle."""
    known = {label.group for label in labels.labels if label.group is not None}
    under = {group.name: group.under for group in labels.groups if group.under is not None}
    found = [
        _group_problem((group.name,), f"group {group.name!r} has no labels; remove it, or name it at a label")
        for group in labels.groups
        if group.name not in known
    ]
    found += [
        _group_problem((name,), f"group {name!r} stands under {above!r}, which is no group of a label")
        for name, above in under.items()
        if above not in known
    ]
    circles = {circle for name in under if (circle := _circle(name, under))}
    found += [
        _group_problem(
            circle,
            f"groups stand under each other in a circle: {' under '.join((*circle, circle[0]))}; "
            "one of them must stand under none",
        )
        for circle in sorted(circles)
    ]
    return found


def _circle(start: str, under: dict[str, str]) -> tuple[str, ...] | None:
    """The groups of the circle that a group is part of, from its first name on; None where it is in none."""
    walk, name = [start], under.get(start)
    while name is not None and name not in walk:
        walk.append(name)
        name = under.get(name)
    if name != start:
        return None
    first = walk.index(min(walk))
    return (*walk[first:], *walk[:first])


def _group_problem(names: tuple[str, ...], text: str) -> LabelProblem:
    return LabelProblem(kind="groups", labels=names, text=text)


def _negatives_that_are_labels(labels: LabelSet) -> Iterable[LabelProblem]:
    names = {same_label(word): label.name for label in labels.labels for word in (label.name, *label.aliases)}
    for label in labels.labels:
        for word in label.negatives:
            other = names.get(same_label(word))
            if other is not None and other != label.name:
                yield LabelProblem(
                    kind="negative-is-label",
                    labels=(label.name, other),
                    text=f"{word!r} excludes {label.name!r} and is a label itself: where both fit, {label.name!r} loses",
                )


def _plurals(labels: LabelSet) -> Iterable[LabelProblem]:
    """Labels that are one word in several forms."""
    keys = {same_label(name): name for name in labels.names}
    for names in _by_key((normalize_tag(key) or key, name) for key, name in keys.items()).values():
        if len(names) > 1:
            yield LabelProblem(
                kind="plural",
                labels=names,
                text=f"{_listed(names)} are forms of one word; make one of them the label, the others words for it",
            )


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        found[key].append(name)
    return {key: tuple(names) for key, names in found.items()}


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} and {names[-1]!r}"

"""Alt text of a layout as found on the web: some of what one sees, among words that have nothing to do with it."""

from dataclasses import dataclass
from random import Random

from tagalign.data.tiny_world.captions import listing, where, with_article
from tagalign.data.tiny_world.names import SYNONYMS
from tagalign.data.tiny_world.scenes import Placed, SceneLayout
from tagalign.data.tiny_world.truth import relation_of
from tagalign.data.tiny_world.words import PREFIXES, noise


@dataclass(frozen=True)
class Naming:
    """How much of a scene its alt text says; probabilities.

    Attributes:
        mention: An object of a scene is named; one always is.
        color: Its colour is said.
        pattern: Its pattern is said, where it has one.
        size: `small` or `big` is said, where it is.
        action: What it does is said.
        synonym: A synonym stands for the kind.
        family: The family stands for the kind.
        background: The background is said.
        noise: Words that say nothing about the picture are added.
        silent: The text names nothing one sees.
    """

    mention: float = 0.75
    color: float = 0.6
    pattern: float = 0.6
    size: float = 0.25
    action: float = 0.6
    synonym: float = 0.08
    family: float = 0.06
    background: float = 0.4
    noise: float = 0.65
    silent: float = 0.02


def alt_text(layout: SceneLayout, rng: Random, naming: Naming = Naming()) -> str:
    """Write alt text as found on the web: some of the objects, some of their looks, and irrelevant words."""
    if rng.random() < naming.silent:
        return f"{noise(rng)} {noise(rng)}"
    named = [one for one in layout.placed if rng.random() < naming.mention] or [rng.choice(layout.placed)]
    rng.shuffle(named)
    text = _alt_core(named, layout, rng, naming)
    if rng.random() < naming.background:
        style = rng.randrange(3)
        text += (f" {where(layout.background)}", f", {layout.background}", f" and {layout.background}")[style]
    if rng.random() < 0.3:
        text = rng.choice(PREFIXES).format(text)
    if rng.random() < naming.noise:
        extra = noise(rng)
        text = (
            f"{extra} {text}"
            if rng.random() < 0.2
            else f"{text}{rng.choice((' ', ', ', ' - ', ' | '))}{extra}"
        )
    return text if rng.random() < 0.7 else text[0].upper() + text[1:]


def _alt_core(named: list[Placed], layout: SceneLayout, rng: Random, naming: Naming) -> str:
    phrases = [_loose(one, rng, naming) for one in named]
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


def _loose(one: Placed, rng: Random, naming: Naming) -> str:
    """Name an object with some of its looks, now and then by a synonym or by its family."""
    words = []
    if one.size != "medium" and rng.random() < naming.size:
        words.append(one.size)
    if rng.random() < naming.color:
        words.append(one.color)
    if one.pattern != "plain" and rng.random() < naming.pattern:
        words.append(one.pattern)
    chance = rng.random()
    if chance < naming.synonym:
        words.append(rng.choice(SYNONYMS[one.name]))
    else:
        words.append(one.family if chance > 1 - naming.family else one.name)
    if one.action and rng.random() < naming.action:
        words.append(one.action)
    return " ".join(words)

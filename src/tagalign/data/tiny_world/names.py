"""The words of the tiny world: kinds, families, colours, patterns, backgrounds, class sets and splits."""

from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal

Palette = Literal["default", "other"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "fish", "bird", "turtle", "butterfly", "snail"),
    "vehicle": ("car", "bus", "boat", "airplane", "bicycle", "train", "rocket"),
    "plant": ("tree", "pine", "palm", "cactus", "sunflower", "tulip", "fern"),
    "building": ("house", "castle", "tent", "igloo", "lighthouse", "windmill", "tower"),
}
"""Family name (an inclusion label: every dog is an animal) to its kinds of objects."""

# Most frequent first. Families alternate, so that head and tail hold all four of them.
OBJECTS: tuple[str, ...] = (
    "dog", "car", "tree", "house", "cat", "bus", "sunflower",
    "castle", "bird", "boat", "palm", "tent", "fish", "airplane",
    "cactus", "tower", "butterfly", "train", "pine", "igloo", "turtle",
    "bicycle", "tulip", "lighthouse", "snail", "rocket", "fern", "windmill",
)  # fmt: skip
"""All kinds of objects by falling frequency; the place is the rank of the Zipf law."""

FAMILY_OF: dict[str, str] = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
"""Kind of object to its family."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "dog": ("puppy", "hound"),
    "cat": ("kitten", "kitty"),
    "fish": ("goldfish", "carp"),
    "bird": ("sparrow", "finch"),
    "turtle": ("tortoise",),
    "butterfly": ("moth",),
    "snail": ("slug",),
    "car": ("automobile", "sedan"),
    "bus": ("coach", "minibus"),
    "boat": ("ship", "sailboat"),
    "airplane": ("plane", "jet"),
    "bicycle": ("bike",),
    "train": ("locomotive",),
    "rocket": ("spaceship",),
    "tree": ("oak", "maple"),
    "pine": ("fir", "spruce"),
    "palm": ("coconut palm",),
    "cactus": ("succulent",),
    "sunflower": ("daisy",),
    "tulip": ("blossom",),
    "fern": ("bracken",),
    "house": ("cottage", "home"),
    "castle": ("fortress",),
    "tent": ("marquee",),
    "igloo": ("snow hut",),
    "lighthouse": ("beacon",),
    "windmill": ("mill",),
    "tower": ("skyscraper",),
}
"""Other words for a kind, used now and then in alt text."""

COLORS: tuple[str, ...] = (
    "red", "blue", "green", "yellow", "white", "black", "orange", "purple", "brown", "pink",
)  # fmt: skip
"""Colours by falling frequency."""

PATTERNS: tuple[str, ...] = ("plain", "striped", "dotted", "checkered")
"""Patterns by falling frequency; `plain` is never said."""

SIZES: tuple[str, ...] = ("small", "medium", "big")
"""Size words; `medium` is never said."""

ACTIONS: tuple[str, ...] = ("sleeping", "eating", "jumping")
"""Actions one can see; only animals have one."""

BACKGROUNDS: dict[Palette, tuple[str, ...]] = {
    "default": ("grass", "sky", "sand", "water", "snow", "street"),
    "other": ("carpet", "wall", "forest", "desert", "night", "field"),
}
"""Backgrounds of each palette by falling frequency."""


@dataclass(frozen=True)
class Concept:
    """A kind in one look: what version 2 of the world draws, names and counts.

    Attributes:
        kind: One of `OBJECTS`.
        color: One of `COLORS`.
        pattern: One of `PATTERNS`.
    """

    kind: str
    color: str
    pattern: str

    @property
    def name(self) -> str:
        """The words for it, `plain` left out: `red dog`, `red striped dog`."""
        return " ".join(word for word in (self.color, self.pattern, self.kind) if word != "plain")


def _all_concepts() -> tuple[Concept, ...]:
    concepts = [Concept(*parts) for parts in product(OBJECTS, COLORS, PATTERNS)]
    # Shuffled once for all, so that head and tail hold every kind, colour and pattern.
    Random(2).shuffle(concepts)  # noqa: S311 - a fixed order, not a secret
    return tuple(concepts)


CONCEPTS: tuple[Concept, ...] = _all_concepts()
"""All kinds in all looks by falling frequency; the place is the rank of the Zipf law of version 2."""

UNSEEN_CONCEPTS: tuple[str, ...] = tuple(concept.name for concept in CONCEPTS[4::5])
"""Every fifth concept: what a zero-shot method may not train on. All their words occur in seen ones too."""

UNSEEN: tuple[str, ...] = ("cat", "boat", "palm", "tower", "turtle", "rocket")
"""Kinds whose masks a zero-shot method may not train on (they do occur in the pictures)."""

SEEN: tuple[str, ...] = tuple(kind for kind in OBJECTS if kind not in UNSEEN) + BACKGROUNDS["default"]
"""The other kinds and the backgrounds of the default palette."""

CLASS_SETS: dict[str, tuple[str, ...]] = {
    "all": OBJECTS + BACKGROUNDS["default"],
    "all-other": OBJECTS + BACKGROUNDS["other"],
    "objects": OBJECTS,
    "small": OBJECTS[:10],
    "large": OBJECTS,
    "families": tuple(FAMILIES),
    "concepts": tuple(concept.name for concept in CONCEPTS),
}
"""Names of the classes. `all` and `all-other` name every pixel; the others need a background rule."""

BACKGROUND_RULE: frozenset[str] = frozenset({"objects", "small", "large", "families", "concepts"})
"""Class sets where id 0 is the background and class k has id k + 1."""

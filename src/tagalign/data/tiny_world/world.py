"""The tiny world: an endless, deterministic sequence of drawn scenes, and what is true of each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from random import Random

import numpy as np
from jaxtyping import Bool, Int, UInt8

from tagalign.data.tiny_world.alt_text import alt_text
from tagalign.data.tiny_world.captions import captions
from tagalign.data.tiny_world.mislead import absent_thing, misleading
from tagalign.data.tiny_world.names import BACKGROUND_RULE, BACKGROUNDS, CLASS_SETS, Palette
from tagalign.data.tiny_world.palettes import TILE, background_tile
from tagalign.data.tiny_world.questions import questions
from tagalign.data.tiny_world.referring import expressions
from tagalign.data.tiny_world.scenes import DENSE, ROOMY, SceneLayout, sample_layout
from tagalign.data.tiny_world.sprites import Sprite, sprite
from tagalign.data.tiny_world.truth import Tags, relations, true_tags
from tagalign.data.tiny_world.versions import VERSIONS
from tagalign.errors import InputError, UnknownNameError
from tagalign.registry import find_entry

SIZE = 80
"""Default side of a picture in pixels: ten patches of eight."""


@dataclass(frozen=True)
class DrawnObject:
    """One visible object.

    Attributes:
        name: Kind of object, one of `OBJECTS`.
        family: Its family, one of `FAMILIES`.
        color: One of `COLORS`.
        pattern: One of `PATTERNS`; `plain` where there is none.
        size: `small`, `medium` or `big`.
        action: One of `ACTIONS`, or None.
        mask: Pixels of it that one sees.
        box: The box of these pixels, XYXY, right and bottom exclusive.
    """

    name: str
    family: str
    color: str
    pattern: str
    size: str
    action: str | None
    mask: Bool[np.ndarray, "h w"]
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Scene:
    """One picture and all that is known about it; pictures, masks and texts are made when first asked for.

    Attributes:
        key: Name of the scene, unique in its world: `split-000042`.
        seed: Seed of its world.
        layout: What stands where, far to near.
        size: Side of the picture in pixels.
        palette: Palette it is drawn with.
        version: Version of its world.
        mislead: Probability that its alt text names something absent.
    """

    key: str
    seed: int
    layout: SceneLayout
    size: int
    palette: Palette
    version: int = 1
    mislead: float = 0.0

    @property
    def background(self) -> str:
        """Name of the background."""
        return self.layout.background

    @cached_property
    def image(self) -> UInt8[np.ndarray, "h w 3"]:
        """The picture, RGB."""
        row, column = self.layout.offset
        tile = background_tile(self.background)[row : row + self.size, column : column + self.size]
        canvas = tile.copy()
        for one, drawn in zip(self.layout.placed, self._sprites, strict=True):
            window = canvas[one.top : one.top + one.side, one.left : one.left + one.side]
            window *= drawn.clear
            window += drawn.ink
        return canvas.astype(np.uint8)

    @cached_property
    def owner(self) -> Int[np.ndarray, "h w"]:
        """Which instance one sees at each pixel: -1 for the background."""
        owner = np.full((self.size, self.size), -1, np.int8)
        for index, (one, drawn) in enumerate(zip(self.layout.placed, self._sprites, strict=True)):
            owner[one.top : one.top + one.side, one.left : one.left + one.side][drawn.body] = index
        return owner

    @cached_property
    def instances(self) -> tuple[DrawnObject, ...]:
        """The objects, far to near."""
        found = []
        for index, one in enumerate(self.layout.placed):
            mask = self.owner == index
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
            found.append(
                DrawnObject(one.name, one.family, one.color, one.pattern, one.size, one.action, mask, box)
            )
        return tuple(found)

    @property
    def masks(self) -> tuple[Bool[np.ndarray, "h w"], ...]:
        """The visible pixels of each instance."""
        return tuple(one.mask for one in self.instances)

    @cached_property
    def alt_text(self) -> str:
        """Noisy alt text: names some objects, seldom all, among words that have nothing to do with the picture.

        With probability `mislead` it also names `misled_by`; the rest of it does not depend on `mislead`.
        """
        text = alt_text(self.layout, self._rng("alt"), VERSIONS[self.version].naming)
        return text if self.misled_by is None else misleading(text, self.misled_by, self._rng("misleading"))

    @cached_property
    def misled_by(self) -> str | None:
        """The absent thing that the alt text names, or None."""
        rng = self._rng("mislead")
        if rng.random() >= self.mislead:  # one draw for every probability: what 0.1 misleads, 0.3 does too
            return None
        return absent_thing(self.layout, rng, VERSIONS[self.version].law)

    @property
    def concepts(self) -> tuple[str, ...]:
        """Names of the concepts one sees (`red striped dog`), sorted, without repetition."""
        return tuple(sorted({one.concept for one in self.layout.placed}))

    @cached_property
    def captions(self) -> tuple[str, ...]:
        """Five plain sentences, the way people describe a picture when asked to."""
        return captions(self.layout, self._rng("captions"))

    @cached_property
    def referring(self) -> tuple[tuple[str, Bool[np.ndarray, "h w"]], ...]:
        """Phrases that fit exactly one object, each with the mask of that object."""
        return tuple(
            (phrase, self.masks[index]) for phrase, index in expressions(self.layout, self._rng("referring"))
        )

    @cached_property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """Questions with their answers."""
        return questions(self.layout, self._rng("questions"))

    @cached_property
    def relations(self) -> tuple[tuple[str, str, str], ...]:
        """True relations between two objects of different kinds: (subject, relation, object)."""
        return relations(self.layout)

    @cached_property
    def tags(self) -> Tags:
        """All names that are true of the picture."""
        return true_tags(self.layout)

    def label_map(self, class_set: str = "all") -> Int[np.ndarray, "h w"]:
        """Return the class of every pixel as an index into `CLASS_SETS[class_set]`.

        In sets with a background rule (`BACKGROUND_RULE`) 0 is the background and class k has id k + 1; an
        object whose kind is not in the set is background there.

        Raises:
            UnknownNameError: If there is no such class set.
            InputError: If the set has neither a background rule nor this scene's background.
        """
        names = find_entry("class set", class_set, CLASS_SETS)
        if class_set in BACKGROUND_RULE:
            shift, rest = 1, 0
        elif self.background in names:
            shift, rest = 0, names.index(self.background)
        else:
            raise InputError(
                f"class set {class_set!r} has no {self.background!r}, the background of {self.key}; "
                f"use 'all-other' for scenes of the palette 'other', or a set with a background rule"
            )
        said = {"families": attrgetter("family"), "concepts": attrgetter("concept")}
        labels = [said.get(class_set, attrgetter("name"))(one) for one in self.layout.placed]
        ids = [names.index(label) + shift if label in names else rest for label in labels]
        # The last entry is what index -1, the background, picks.
        table = np.asarray([*ids, rest], np.int64)
        return np.asarray(table[self.owner])

    @cached_property
    def _sprites(self) -> tuple[Sprite, ...]:
        return tuple(
            sprite(p.name, p.color, p.pattern, p.action, p.side, flip=p.flip, palette=self.palette)
            for p in self.layout.placed
        )

    def _rng(self, purpose: str) -> Random:
        # One stream per purpose: reading the captions first does not change the alt text.
        return _stream(self.version, self.seed, self.key, purpose)


def _stream(version: int, seed: int, key: str, purpose: str) -> Random:
    return Random(f"{VERSIONS[version].stream}{seed}/{key}/{purpose}")  # noqa: S311 - drawings, not secrets


CROWDED = 0.7
"""Share of scenes with two to five objects, unless asked for otherwise."""


class TinyWorld:
    """An endless sequence of scenes; scene `index` depends on the arguments below and on nothing else.

    Args:
        seed: Seed of the whole world.
        split: Any name; splits of different names have nothing in common.
        size: Side of the pictures in pixels, at most 140.
        palette: `default`, or `other`: other backgrounds and other shades of the colours.
        crowded: Probability of a scene of two to five objects; the others show one object, mostly a big one.
        roomy: Whether crowded scenes keep more distance and seldom show more than three objects.
        version: 1, or 2: kind, colour and pattern are one of 1,120 concepts with a Zipf law, and alt text says all three.
        mislead: Probability that the alt text of a scene names something one could see and that is not there.

    Raises:
        UnknownNameError: If there is no such palette.
        InputError: If another an argument cannot be used.

    Example:
        >>> scene = TinyWorld(seed=0, split="test")[3]
        >>> scene.image.shape
        (80, 80, 3)
    """

    def __init__(
        self,
        seed: int = 0,
        split: str = "train",
        size: int = SIZE,
        palette: str = "default",
        crowded: float = CROWDED,
        roomy: bool = False,
        version: int = 1,
        mislead: float = 0.0,
    ) -> None:
        if palette not in BACKGROUNDS:
            raise UnknownNameError("palette", palette, BACKGROUNDS)
        if not 0 <= crowded <= 1:
            raise InputError(f"crowded is a probability in [0, 1], got {crowded}")
        if not 40 <= size <= TILE - 100:
            raise InputError(f"size must be 40 to {TILE - 100} pixels, got {size}")
        if version not in VERSIONS:
            raise InputError(f"the tiny world has versions {', '.join(map(str, VERSIONS))}, got {version}")
        if not 0 <= mislead <= 1:
            raise InputError(f"mislead is a probability in [0, 1], got {mislead}")
        self.seed, self.split, self.size, self.crowded, self.roomy = seed, split, size, crowded, roomy
        self.version, self.mislead = version, mislead
        self.palette: Palette = "other" if palette == "other" else "default"

    def __getitem__(self, index: int) -> Scene:
        if index < 0:
            raise InputError(f"scenes are numbered from 0, got {index}")
        key = f"{self.split}-{index:06d}"
        rng = _stream(self.version, self.seed, key, "layout")
        layout = sample_layout(
            rng,
            crowded=self.crowded,
            image_side=self.size,
            palette=self.palette,
            crowd=ROOMY if self.roomy else DENSE,
            law=VERSIONS[self.version].law,
        )
        return Scene(key, self.seed, layout, self.size, self.palette, self.version, self.mislead)

    def take(self, count: int, start: int = 0) -> Iterator[Scene]:
        """Yield `count` scenes from number `start` on; nothing is kept."""
        for index in range(start, start + count):
            yield self[index]

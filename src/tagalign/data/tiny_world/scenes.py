"""What stands where: a layout is drawn from a seed with Zipf frequencies, before any pixel exists."""

from dataclasses import dataclass, replace
from itertools import accumulate
from operator import attrgetter
from random import Random

from tagalign.data.tiny_world.laws import LOOK_EXPONENT, KindsLaw, Law, ObjectToPlace, pick, zipf_weights
from tagalign.data.tiny_world.names import ACTIONS, BACKGROUNDS, COLORS, FAMILY_OF, PATTERNS, Concept, Palette

UNIT = 80  # sizes below are for a picture of this side; others scale
SIDES_PX: dict[str, tuple[int, ...]] = {"small": (32, 34), "medium": (40, 42), "big": (48, 52)}
EASY_SIDES_PX: dict[str, tuple[int, ...]] = {"small": (34,), "medium": (42,), "big": (52, 60, 68)}
COUNT_SHARES = {2: 0.35, 3: 0.3, 4: 0.2, 5: 0.15}  # objects of a crowded scene
PATTERN_SHARES = (0.58, 0.18, 0.14, 0.10)
SIZE_SHARES = {"small": 0.35, "medium": 0.35, "big": 0.3}
EASY_SIZE_SHARES = {"small": 0.1, "medium": 0.25, "big": 0.65}
TWIN_SHARE = 0.25  # crowded scenes with a second object of a kind, in another look
ACTION_SHARE = 0.5  # animals that do something


@dataclass(frozen=True)
class Crowd:
    """How tightly the objects of a crowded scene stand.

    Attributes:
        min_visible: Share of the box of an object that no nearer box may cover.
        tries: Places tried before an object is left out.
        full: Number of objects from which on `full_shares` hold.
        full_shares: Frequencies of the sizes in such full scenes.
    """

    min_visible: float
    tries: int
    full: int
    full_shares: dict[str, float]


DENSE = Crowd(0.5, 60, 4, {"small": 0.8, "medium": 0.2})
ROOMY = Crowd(0.6, 12, 6, {})  # few scenes of four objects and none of five: the encoder starts with these


@dataclass(frozen=True)
class Placed:
    """One object of a layout: what it is and its square, in pixels, before occlusion."""

    name: str
    color: str
    pattern: str
    size: str
    action: str | None
    flip: bool
    left: int
    top: int
    side: int

    @property
    def family(self) -> str:
        """Name of the family of the kind."""
        return FAMILY_OF[self.name]

    @property
    def concept(self) -> str:
        """Name of the concept it shows: `red striped dog`."""
        return Concept(self.name, self.color, self.pattern).name

    @property
    def base(self) -> int:
        """Row just below it: what stands lower in the picture is nearer."""
        return self.top + self.side


_base = attrgetter("base")


@dataclass(frozen=True)
class SceneLayout:
    """A scene before drawing; `placed` is in drawing order, far to near.

    Attributes:
        background: Name of the background.
        offset: Row and column of the window into the background's tile, in pixels.
        placed: The objects.
    """

    background: str
    offset: tuple[int, int]
    placed: tuple[Placed, ...]


_COLOR_WEIGHTS = zipf_weights(len(COLORS), LOOK_EXPONENT)
_BACKGROUND_WEIGHTS = zipf_weights(6, LOOK_EXPONENT)
_PATTERN_WEIGHTS = list(accumulate(PATTERN_SHARES))


KINDS_LAW = KindsLaw()


def sample_layout(
    rng: Random,
    *,
    crowded: float,
    image_side: int,
    palette: Palette,
    crowd: Crowd = DENSE,
    law: Law = KINDS_LAW,
) -> SceneLayout:
    """Draw a layout.

    Args:
        rng: Source of all choices.
        crowded: Probability of a scene of two to five objects; the others show one, mostly a big one.
        image_side: Side of the picture in pixels.
        palette: Which backgrounds may occur.
        crowd: How tightly several objects stand.
        law: Which objects there are.

    Returns:
        The layout, far objects first; it holds at least one object.
    """
    background = pick(rng, BACKGROUNDS[palette], _BACKGROUND_WEIGHTS)
    offset = (rng.randrange(100), rng.randrange(100))
    if rng.random() >= crowded:
        placed = [_place(rng, law.wanted(rng), EASY_SIZE_SHARES, EASY_SIDES_PX, image_side)]
    else:
        placed = _place_many(rng, _several(rng, law), image_side, crowd)
    # What stands lower in the picture is nearer and covers what stands higher.
    return SceneLayout(background, offset, tuple(sorted(placed, key=_base)))


def _several(rng: Random, law: Law) -> list[ObjectToPlace]:
    count = rng.choices(list(COUNT_SHARES), list(COUNT_SHARES.values()))[0]
    several = [law.wanted(rng) for _ in range(count)]
    if rng.random() < TWIN_SHARE:
        several[1] = law.twin(rng, several[0])
    return several


def _place_many(rng: Random, several: list[ObjectToPlace], image_side: int, crowd: Crowd) -> list[Placed]:
    placed: list[Placed] = []
    shares = crowd.full_shares if len(several) >= crowd.full else SIZE_SHARES
    for wanted in several:
        one = _place(rng, wanted, shares, SIDES_PX, image_side)
        if any(
            (one.name, one.color, one.pattern) == (other.name, other.color, other.pattern) for other in placed
        ):
            continue
        for _ in range(crowd.tries):
            if _all_visible([*placed, one], crowd.min_visible):
                placed.append(one)
                break
            one = _move(rng, one, image_side)
    return placed


def _place(
    rng: Random,
    wanted: ObjectToPlace,
    shares: dict[str, float],
    sides: dict[str, tuple[int, ...]],
    image_side: int,
) -> Placed:
    size = rng.choices(list(shares), list(shares.values()))[0]
    side = round(rng.choice(sides[size]) * image_side / UNIT)
    color, pattern = wanted.look or (
        pick(rng, COLORS, _COLOR_WEIGHTS),
        pick(rng, PATTERNS, _PATTERN_WEIGHTS),
    )
    animal = FAMILY_OF[wanted.kind] == "animal"
    return Placed(
        name=wanted.kind,
        color=color,
        pattern=pattern,
        size=size,
        action=rng.choice(ACTIONS) if animal and rng.random() < ACTION_SHARE else None,
        flip=rng.random() < 0.5,
        left=int(rng.random() * (image_side - side + 1)),
        top=int(rng.random() * (image_side - side + 1)),
        side=side,
    )


def _move(rng: Random, one: Placed, image_side: int) -> Placed:
    room = image_side - one.side + 1
    return replace(one, left=int(rng.random() * room), top=int(rng.random() * room))


def _all_visible(placed: list[Placed], min_visible: float) -> bool:
    ordered = sorted(placed, key=_base)
    for index, far in enumerate(ordered):
        covered = 0
        for near in ordered[
            index + 1 :
        ]:  # in line, not a function of its own: this runs a hundred times a scene
            width = min(far.left + far.side, near.left + near.side) - max(far.left, near.left)
            height = min(far.top + far.side, near.top + near.side) - max(far.top, near.top)
            if width > 0 and height > 0:
                covered += width * height
        if covered > (1 - min_visible) * far.side**2:
            return False
    return True

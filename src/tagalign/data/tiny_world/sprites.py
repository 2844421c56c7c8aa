"""From a kind of object to painted pixels; everything is drawn once per look and size and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from tagalign.data.tiny_world import animals, buildings, plants, vehicles
from tagalign.data.tiny_world.names import Palette
from tagalign.data.tiny_world.palettes import paint_texture
from tagalign.data.tiny_world.pen import BLACK, EMBER, GOLD, GREY, LEAF, WHITE, Pen, Stencil

DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "dog": animals.draw_dog,
    "car": vehicles.draw_car,
    "tree": plants.draw_tree,
    "house": buildings.draw_house,
    "cat": animals.draw_cat,
    "bus": vehicles.draw_bus,
    "sunflower": plants.draw_sunflower,
    "castle": buildings.draw_castle,
    "bird": animals.draw_bird,
    "boat": vehicles.draw_boat,
    "palm": plants.draw_palm,
    "tent": buildings.draw_tent,
    "fish": animals.draw_fish,
    "airplane": vehicles.draw_airplane,
    "cactus": plants.draw_cactus,
    "tower": buildings.draw_tower,
    "butterfly": animals.draw_butterfly,
    "train": vehicles.draw_train,
    "pine": plants.draw_pine,
    "igloo": buildings.draw_igloo,
    "turtle": animals.draw_turtle,
    "bicycle": vehicles.draw_bicycle,
    "tulip": plants.draw_tulip,
    "lighthouse": buildings.draw_lighthouse,
    "snail": animals.draw_snail,
    "rocket": vehicles.draw_rocket,
    "fern": plants.draw_fern,
    "windmill": buildings.draw_windmill,
}
"""Kind of object to the function that draws it."""

BODY_AMONG_MARKS = (0.06, 0.0, 0.94, 0.88)  # part of the square left to the body where an action is drawn


@dataclass(frozen=True)
class Sprite:
    """A painted object.

    Attributes:
        ink: Its colours times their opacity, RGB in [0, 255].
        clear: One minus its opacity, with a last axis of length one.
        body: Where its body is: pixels more than half covered, marks of an action excluded.
    """

    ink: Float[np.ndarray, "side side 3"]
    clear: Float[np.ndarray, "side side 1"]
    body: Bool[np.ndarray, "side side"]


@lru_cache(maxsize=16384)
def sprite(
    kind: str, color: str, pattern: str, action: str | None, side: int, *, flip: bool, palette: Palette
) -> Sprite:
    """Return a painted object of `side` x `side` pixels; arrays are shared, do not write to them."""
    drawn = _stencil(kind, action, side)
    step = -1 if flip else 1
    ink = drawn.paint[..., None] * _paint(color, pattern, palette, side) + drawn.fixed * 255
    clear = (1 - drawn.alpha)[..., None]
    return Sprite(ink[:, ::step].copy(), clear[:, ::step].copy(), (drawn.body > 0.5)[:, ::step].copy())


@lru_cache(maxsize=2048)
def _stencil(kind: str, action: str | None, side: int) -> Stencil:
    pen = Pen(side, box=BODY_AMONG_MARKS if action else (0.0, 0.0, 1.0, 1.0), asleep=action == "sleeping")
    DRAWINGS[kind](pen)
    if action:
        pen.end_of_body()
        _MARKS[action](pen)
    return pen.finish()


@lru_cache(maxsize=4096)
def _paint(color: str, pattern: str, palette: Palette, side: int) -> Float[np.ndarray, "side side 3"]:
    return paint_texture(color, pattern, palette, side)


def _sleep_marks(pen: Pen) -> None:
    for x, y, size in ((0.78, 0.0, 0.2), (0.64, 0.16, 0.14)):
        pen.rect(x - 0.02, y, x + size + 0.02, y + size + 0.02, WHITE)
        corners = [(x + 0.02, y + 0.03), (x + size - 0.02, y + 0.03), (x + 0.02, y + size - 0.01)]
        pen.line([*corners, (x + size - 0.02, y + size - 0.01)], 0.035, BLACK)


def _food_marks(pen: Pen) -> None:
    for x in (0.62, 0.74, 0.86):
        pen.dot(x, 0.78, 0.07, LEAF)
        pen.dot(x + 0.03, 0.76, 0.03, GOLD)
    pen.poly([(0.5, 0.8), (1.0, 0.8), (0.92, 1.0), (0.58, 1.0)], EMBER)
    pen.rect(0.54, 0.86, 0.95, 0.9, WHITE)


def _jump_marks(pen: Pen) -> None:
    pen.ellipse(0.16, 0.91, 0.84, 1.0, BLACK)
    for x in (0.28, 0.5, 0.72):
        pen.poly([(x - 0.05, 0.9), (x, 0.78), (x + 0.05, 0.9)], GREY)
        pen.poly([(x - 0.025, 0.9), (x, 0.82), (x + 0.025, 0.9)], WHITE)


_MARKS = {"sleeping": _sleep_marks, "eating": _food_marks, "jumping": _jump_marks}

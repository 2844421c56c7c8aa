"""A pen that draws filled shapes in unit coordinates and remembers where the paint of an object shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import cos, pi, sin
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

SUPERSAMPLING = 4  # shapes are drawn four times larger and averaged: smooth edges without a vector library
OUTLINE_PX = 1.0  # width of the dark rim that keeps a green tree visible on grass
OUTLINE = (22, 22, 28)

Point = tuple[float, float]


class Ink(NamedTuple):
    """How a shape is coloured: a share of the object's own paint plus a fixed colour.

    Attributes:
        paint: Weight of the object's paint in [0, 255].
        fixed: RGB in [0, 255] that is added.
    """

    paint: int
    fixed: tuple[int, int, int]


PAINT = Ink(255, (0, 0, 0))
SHADE = Ink(140, (0, 0, 0))
LIGHT = Ink(115, (140, 140, 140))
BLACK = Ink(0, (25, 25, 30))
WHITE = Ink(0, (250, 250, 250))
GREY = Ink(0, (150, 150, 155))
STEEL = Ink(0, (95, 100, 110))
GLASS = Ink(0, (170, 225, 250))
WOOD = Ink(0, (125, 80, 45))
LEAF = Ink(0, (50, 125, 50))
GOLD = Ink(0, (245, 200, 60))
EMBER = Ink(0, (250, 120, 30))
SKIN = Ink(0, (240, 200, 160))


@dataclass(frozen=True)
class Stencil:
    """A drawn shape before it is painted; arrays share height and width, values in [0, 1].

    Attributes:
        paint: Share of the object's own paint in each pixel.
        fixed: Fixed colours, already multiplied by their share.
        alpha: Opacity of everything, marks of an action included.
        body: Opacity of the object itself: what its mask is made of.
    """

    paint: Float[np.ndarray, "h w"]
    fixed: Float[np.ndarray, "h w 3"]
    alpha: Float[np.ndarray, "h w"]
    body: Float[np.ndarray, "h w"]


@dataclass
class Pen:
    """Draws on a square of `pixels` x `pixels`; shapes come in units, (0, 0) top left, (1, 1) bottom right.

    Attributes:
        pixels: Side of the finished square.
        box: Part of the square that the unit square is mapped to, XYXY in units.
        asleep: Whether eyes are closed.
    """

    pixels: int
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    asleep: bool = False
    _layers: list[Image.Image] = field(init=False)
    _pens: list[ImageDraw.ImageDraw] = field(init=False)
    _body: Image.Image | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        side = self.pixels * SUPERSAMPLING
        self._layers = [Image.new(mode, (side, side)) for mode in ("L", "RGB", "L")]
        self._pens = [ImageDraw.Draw(layer) for layer in self._layers]

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, ink: Ink = PAINT) -> None:
        """Fill the ellipse inside a box."""
        self._draw("ellipse", [self._at(x0, y0), self._at(x1, y1)], ink)

    def dot(self, x: float, y: float, radius: float, ink: Ink = BLACK) -> None:
        """Fill a disc."""
        self.ellipse(x - radius, y - radius, x + radius, y + radius, ink)

    def rect(self, x0: float, y0: float, x1: float, y1: float, ink: Ink = PAINT) -> None:
        """Fill a box."""
        self._draw("rectangle", [self._at(x0, y0), self._at(x1, y1)], ink)

    def poly(self, points: Sequence[Point], ink: Ink = PAINT) -> None:
        """Fill a polygon."""
        self._draw("polygon", [self._at(*point) for point in points], ink)

    def line(self, points: Sequence[Point], width: float, ink: Ink = SHADE) -> None:
        """Draw a broken line with round joints; `width` in units."""
        wide = max(1, round(width * self._scale()))
        for pen, value in zip(self._pens, self._values(ink), strict=True):
            pen.line([self._at(*point) for point in points], fill=value, width=wide, joint="curve")

    def ring(self, x: float, y: float, radius: float, width: float, ink: Ink = SHADE) -> None:
        """Draw a circle of which only the rim is inked."""
        box = [self._at(x - radius, y - radius), self._at(x + radius, y + radius)]
        wide = max(1, round(width * self._scale()))
        for pen, value in zip(self._pens, self._values(ink), strict=True):
            pen.ellipse(box, outline=value, width=wide)

    def half(self, x0: float, y0: float, x1: float, y1: float, ink: Ink = PAINT) -> None:
        """Fill the upper half of the ellipse inside a box."""
        for pen, value in zip(self._pens, self._values(ink), strict=True):
            pen.pieslice([self._at(x0, y0), self._at(x1, y1)], 180, 360, fill=value)

    def star(self, x: float, y: float, radius: float, points: int, inner: float, ink: Ink = PAINT) -> None:
        """Fill a star; `inner` is the inner radius as a share of the outer one."""
        angles = [pi * k / points - pi / 2 for k in range(2 * points)]
        radii = [radius if k % 2 == 0 else radius * inner for k in range(2 * points)]
        self.poly([(x + r * cos(a), y + r * sin(a)) for a, r in zip(angles, radii, strict=True)], ink)

    def eye(self, x: float, y: float, radius: float = 0.04) -> None:
        """Draw an open eye, or a closed one while asleep."""
        if self.asleep:
            self.line([(x - radius, y), (x + radius, y)], radius * 0.9, BLACK)
            return
        self.dot(x, y, radius * 1.35, WHITE)
        self.dot(x, y, radius * 0.8, BLACK)

    def end_of_body(self) -> None:
        """Say that what follows marks an action and does not belong to the object's mask."""
        self._body = self._layers[2].copy()
        self.box = (0.0, 0.0, 1.0, 1.0)

    def finish(self) -> Stencil:
        """Add the dark rim, average the supersampled pixels and return the stencil."""
        from scipy.ndimage import maximum_filter  # late: the list of benchmarks draws nothing

        paint, fixed, alpha = (np.asarray(layer, np.float32) / 255 for layer in self._layers)
        body = alpha if self._body is None else np.asarray(self._body, np.float32) / 255
        reach = 2 * round(OUTLINE_PX * SUPERSAMPLING) + 1
        wide_alpha, wide_body = maximum_filter(alpha, reach), maximum_filter(body, reach)
        fixed = fixed + (wide_alpha - alpha)[..., None] * (np.asarray(OUTLINE, np.float32) / 255)
        return Stencil(*(_average(layer) for layer in (paint, fixed, wide_alpha, wide_body)))

    def _scale(self) -> float:
        return (self.box[2] - self.box[0]) * (self.pixels - 2 * OUTLINE_PX) * SUPERSAMPLING

    def _at(self, x: float, y: float) -> Point:
        left, top, right, bottom = self.box
        inner, margin = (self.pixels - 2 * OUTLINE_PX) * SUPERSAMPLING, OUTLINE_PX * SUPERSAMPLING
        return (margin + (left + x * (right - left)) * inner, margin + (top + y * (bottom - top)) * inner)

    def _values(self, ink: Ink) -> tuple[Any, ...]:
        return (ink.paint, ink.fixed, 255)  # grey, RGB, grey

    def _draw(self, method: str, points: list[Point], ink: Ink) -> None:
        for pen, value in zip(self._pens, self._values(ink), strict=True):
            getattr(pen, method)(points, fill=value)


def _average(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Average blocks of supersampled pixels."""
    side = values.shape[0] // SUPERSAMPLING
    blocks = values.reshape(side, SUPERSAMPLING, side, SUPERSAMPLING, *values.shape[2:])
    return np.ascontiguousarray(blocks.mean(axis=(1, 3)), dtype=np.float32)

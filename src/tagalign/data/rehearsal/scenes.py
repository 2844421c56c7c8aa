"""Pictures of a drawn copy: coloured shapes on a plain ground, one colour per class, cheap enough for whole benchmarks."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tagalign.labels import Size

ELLIPSE_POINTS = 16
GOLDEN_TURN = 0.618034
"""Of the colour circle between two neighbouring classes: neighbours are far apart however many there are."""

OutlinePoints = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One shape.

    Attributes:
        label: its class, from 0.
        points: corners, x and y in pixels; the shape is the polygon through them.
    """

    label: int
    points: OutlinePoints

    @property
    def flat(self) -> list[float]:
        """Corners as COCO writes them: x and y in turns."""
        return [value for point in self.points for value in point]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height, as COCO writes boxes."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)

    @property
    def area(self) -> float:
        """In pixels (the shoelace formula)."""
        following = (*self.points[1:], self.points[0])
        turns = (a[0] * b[1] - b[0] * a[1] for a, b in zip(self.points, following, strict=True))
        return round(abs(sum(turns)) / 2, 2)


@dataclass(frozen=True, kw_only=True)
class DrawnScene:
    """What is on one picture: ``shapes`` from back to front, and ``size`` (height, width) in pixels."""

    shapes: tuple[Shape, ...]
    size: Size

    @property
    def labels(self) -> list[int]:
        """Classes that occur, each once, rising."""
        return sorted({shape.label for shape in self.shapes})

    def picture(self) -> Image.Image:
        """The scene in colours."""
        height, width = self.size
        image = Image.new("RGB", (width, height), (225, 222, 214))
        pen = ImageDraw.Draw(image)
        for shape in self.shapes:
            pen.polygon(shape.points, fill=colour_of(shape.label), outline=(40, 40, 40))
        return image

    def ids(self, stored: Sequence[int], ground: int) -> Image.Image:
        """The scene as an id per pixel.

        Args:
            stored: id of each class in the file.
            ground: id where no shape lies.

        Returns:
            Grey, 8 bits, or ``I;16`` where an id needs more.
        """
        height, width = self.size
        mask = Image.new("I", (width, height), ground)
        pen = ImageDraw.Draw(mask)
        for shape in self.shapes:
            pen.polygon(shape.points, fill=int(stored[shape.label]))
        ids = np.asarray(mask)
        return Image.fromarray(ids.astype(np.uint8 if int(ids.max()) < 256 else np.uint16))


def colour_of(label: int) -> tuple[int, int, int]:
    """Colour of a class."""
    red, green, blue = colorsys.hsv_to_rgb((label * GOLDEN_TURN) % 1, 0.55 + 0.1 * (label % 4), 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_scene(seed: int, index: int, size: Size, num_classes: int, shapes: int) -> DrawnScene:
    """The scene of one picture; the same numbers give the same scene.

    The first shape's class goes round all classes, so ``num_classes`` pictures show each at least once.

    Args:
        seed: of the copy.
        index: of the picture in its split.
        size: (height, width), pixels.
        num_classes: of the benchmark.
        shapes: how many.
    """
    draw = np.random.default_rng((seed, index))
    labels = [index % num_classes, *draw.integers(0, num_classes, max(0, shapes - 1)).tolist()]
    return DrawnScene(shapes=tuple(_shape(draw, int(label), size) for label in labels[:shapes]), size=size)


def _shape(draw: np.random.Generator, label: int, size: Size) -> Shape:
    height, width = size
    half = draw.uniform(0.06, 0.25, 2) * (width, height)
    centre = draw.uniform(half, (width - 1, height - 1) - half)
    if label % 2:
        turn = np.arange(ELLIPSE_POINTS) * 2 * np.pi / ELLIPSE_POINTS
        corners = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    else:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return Shape(label=label, points=tuple((round(x, 2), round(y, 2)) for x, y in centre + corners * half))

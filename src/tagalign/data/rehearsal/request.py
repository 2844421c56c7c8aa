"""What a writer of a drawn copy gets: where, how many pictures, and the drawing of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tagalign.data.benchmarks.catalog import Benchmark
from tagalign.data.rehearsal.scenes import DrawnScene, draw_scene
from tagalign.labels import Size

WatchCount = Callable[[Iterable[int], int], Iterable[int]]
"""Passes numbers of pictures on, with their count known; a progress bar."""


def silent(numbers: Iterable[int], total: int) -> Iterable[int]:
    """No bar."""
    del total
    return numbers


@dataclass(frozen=True, kw_only=True)
class CopyRequest:
    """A copy to be written.

    Attributes:
        folder: where.
        benchmark: whose layout.
        split: which split.
        images: how many pictures.
        official_images: how many the split has.
        units: images, expressions or questions; their official number times ``images / official_images``.
        seed: of the drawing.
    """

    folder: Path
    benchmark: Benchmark
    split: str
    images: int
    official_images: int
    units: int
    seed: int

    def scene(self, index: int, size: Size, num_classes: int, shapes: int) -> DrawnScene:
        """The picture of an index; ``size`` is the benchmark's landscape size, every fourth picture stands upright."""
        upright = index % 4 == 3
        return draw_scene(self.seed, index, (size[1], size[0]) if upright else size, num_classes, shapes)

    def share(self, index: int) -> int:
        """How many of ``units`` belong to one picture; the shares sum to ``units``."""
        return (self.units * (index + 1)) // self.images - (self.units * index) // self.images

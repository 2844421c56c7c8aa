"""All parts of a label in one image, side by side.

The exporters write from these: a noisy mask has a million parts, and a call per part would cost minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from tagalign.errors import DataError
from tagalign.export.polygons import outlines
from tagalign.export.polygons.tracing import Outlines
from tagalign.ops.part_runs import alternating, moved, part_codes, runs_of_parts
from tagalign.types import BACKGROUND, Segmentation, Size

_TOUCHING = np.ones((3, 3), dtype=bool)  # parts that touch by a side or a corner belong together


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """The connected parts of one label, or all its pixels as one; in the order of their first pixels, row by row.

    Attributes:
        label: id into the names of the segmentation.
        name: of the label.
        numbers: of the part of each pixel of the label's box, from 1; 0 belongs to none.
        origin: row and column of the label's box.
        boxes: XYXY in pixels of the image, ends exclusive, one row per part.
        areas: in pixels.
        scores: mean of the winning scores inside.
        size: of the image.
        split: whether the parts are connected.
    """

    label: int
    name: str
    numbers: Int[np.ndarray, "rows cols"]
    origin: tuple[int, int]
    boxes: Int[np.ndarray, "parts 4"]
    areas: Int[np.ndarray, " parts"]
    scores: Float[np.ndarray, " parts"]
    size: Size
    split: bool

    def __len__(self) -> int:
        return len(self.areas)

    def codes(self) -> list[str]:
        """COCO's compressed run-length code of each part, at the size of the image."""
        return part_codes(self.numbers, len(self), origin=self.origin, size=self.size)

    @cached_property
    def rings(self) -> Outlines:
        """The rings of ``polygons``, in pixels of the image; ``rings_by_part`` says whose they are."""
        numbers, count = self._connected
        found = outlines(numbers, count)
        shift = np.array([self.origin[1], self.origin[0]], dtype=found.corners.dtype)
        return Outlines(corners=found.corners + shift, bounds=found.bounds, cuts=found.cuts)

    @cached_property
    def _connected(self) -> tuple[Int[np.ndarray, "rows cols"], int]:
        if self.split:
            return self.numbers, len(self)
        numbers, count = ndimage.label(self.numbers, structure=_TOUCHING)
        return numbers, int(count)

    def rings_by_part(self) -> list[range]:
        """The rings of each part."""
        count = self._connected[1]
        return [range(i, i + 1) for i in range(count)] if self.split else [range(count)]

    def box_runs(self) -> list[list[int]]:
        """Run lengths along the rows of each part's box, the first of False cells: CVAT's form."""
        found = runs_of_parts(self.numbers)
        row, col = np.divmod(found.start, self.numbers.shape[1])
        left, top, right, bottom = self.boxes.T
        width, part = right - left, found.part
        start = (row + self.origin[0] - top[part]) * width[part] + col + self.origin[1] - left[part]
        lengths, bounds = alternating(moved(found, start), width * (bottom - top))
        values, places = lengths.tolist(), bounds.tolist()
        return [values[a:b] for a, b in pairwise(places)]


def parts_by_label(segmentation: Segmentation, *, split: bool = True, min_area: int = 0) -> Iterator[Parts]:
    """The parts of each label that occurs, in the order of the label ids; ``background`` has none.

    Args:
        segmentation: labels of one image.
        split: one part per connected region; else one per label.
        min_area: smaller parts are left out, in pixels.

    Raises:
        DataError: if a score is not a finite number.
    """
    labels, scores = segmentation.labels.cpu().numpy(), segmentation.scores.float().cpu().numpy()
    for label, box in enumerate(ndimage.find_objects(labels + 1)):
        if box is None or segmentation.names[label] == BACKGROUND:
            continue
        where = labels[box] == label
        numbers, count = ndimage.label(where, structure=_TOUCHING) if split else (where.astype(np.int32), 1)
        numbers, count = _without_small(numbers, count, min_area)
        if not count:
            continue
        flat = numbers.reshape(-1)
        areas = np.bincount(flat, minlength=count + 1)[1:]
        sums = np.bincount(flat, weights=scores[box].reshape(-1), minlength=count + 1)[1:]
        if not np.isfinite(sums).all():
            raise DataError(
                f"the scores of {segmentation.names[label]!r} hold NaN or infinity; segment the image again"
            )
        origin = (box[0].start, box[1].start)
        yield Parts(
            label=label,
            name=segmentation.names[label],
            numbers=numbers,
            origin=origin,
            boxes=_boxes(numbers, origin),
            areas=areas,
            scores=sums / areas,
            size=(labels.shape[0], labels.shape[1]),
            split=split,
        )


def _without_small(
    numbers: Int[np.ndarray, "rows cols"], count: int, min_area: int
) -> tuple[Int[np.ndarray, "rows cols"], int]:
    if min_area <= 1:
        return numbers, count
    keep = np.bincount(numbers.reshape(-1), minlength=count + 1) >= min_area
    keep[0] = False
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(numbers.dtype)
    return renumbered[numbers], int(keep.sum())


def _boxes(numbers: Int[np.ndarray, "rows cols"], origin: tuple[int, int]) -> Int[np.ndarray, "parts 4"]:
    runs = runs_of_parts(numbers)  # of a part from the top
    first = np.flatnonzero(np.diff(runs.part, prepend=-1))
    row, start = np.divmod(runs.start, numbers.shape[1])
    left, right = np.minimum.reduceat(start, first), np.maximum.reduceat(start + runs.end - runs.start, first)
    top, bottom = row[first], row[np.append(first[1:], len(row)) - 1] + 1
    shift = np.array([origin[1], origin[0]] * 2)
    return np.asarray(np.stack([left, top, right, bottom], axis=1) + shift)

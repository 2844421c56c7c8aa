"""All parts of a label in one image, side by side.

The exporters write from these: a noisy mask has a million parts, and a call per part would cost minutes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from tagalign.errors import DataError
from tagalign.export.polygons import outlines
from tagalign.export.polygons.tracing import Outlines
from tagalign.labels import BACKGROUND, Size
from tagalign.ops.part_runs import alternating, moved, part_codes, runs_of_parts
from tagalign.types import Instance, Segmentation

_TOUCHING = np.ones((3, 3), dtype=bool)  # parts that touch by a side or a corner belong together


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """The connected parts of one label, or all its pixels as one; in the order of their first pixels, row by row.

    Of a segmentation with instances the parts are those, in their order, connected or not.

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
        return self._outlined[0]

    @cached_property
    def _outlined(self) -> tuple[Outlines, list[range]]:
        """All rings, and which of them are of each part."""
        if self.split:
            found = outlines(self.numbers, len(self))
            return _shifted(found, *self.origin), [range(i, i + 1) for i in range(len(self))]
        # one by one: instances may touch, and an outline does not see a border between two numbers
        each = [self._outline(number) for number in range(1, len(self) + 1)]
        ends = np.cumsum([0, *(len(one.bounds) - 1 for one in each)]).tolist()
        return joined(each), [range(a, b) for a, b in pairwise(ends)]

    def _outline(self, number: int) -> Outlines:
        left, top, right, bottom = self.boxes[number - 1].tolist()
        row, col = self.origin
        inside = self.numbers[top - row : bottom - row, left - col : right - col] == number
        return _shifted(outlines(*ndimage.label(inside, structure=_TOUCHING)), top, left)

    def rings_by_part(self) -> list[range]:
        """The rings of each part."""
        return self._outlined[1]

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
        split: one part per connected region, or per instance where there are instances; else one per label.
        min_area: smaller parts are left out, in pixels.

    Raises:
        DataError: if a score is not a finite number.
    """
    labels, scores = segmentation.labels.cpu().numpy(), segmentation.scores.float().cpu().numpy()
    for label, box in enumerate(ndimage.find_objects(labels + 1)):
        if box is None or segmentation.names[label] == BACKGROUND:
            continue
        origin = (box[0].start, box[1].start)
        own = _instances(segmentation, label, min_area) if split else None
        where = labels[box] == label
        if own is not None:
            numbers, count = _painted(own, where.shape, origin), len(own)
        else:
            numbers, count = (
                ndimage.label(where, structure=_TOUCHING) if split else (where.astype(np.int32), 1)
            )
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
        yield Parts(
            label=label,
            name=segmentation.names[label],
            numbers=numbers,
            origin=origin,
            boxes=_boxes(numbers, origin),
            areas=areas,
            scores=sums / areas if own is None else np.array([one.score for one in own]),
            size=(labels.shape[0], labels.shape[1]),
            split=split and segmentation.instances is None,
        )


def _instances(segmentation: Segmentation, label: int, min_area: int) -> list[Instance] | None:
    if segmentation.instances is None:
        return None
    return [one for one in segmentation.instances if one.label == label and one.area >= min_area]


def _painted(
    own: Sequence[Instance], shape: tuple[int, ...], origin: tuple[int, int]
) -> Int[np.ndarray, "rows cols"]:
    """The number of the instance of each pixel of a label's box."""
    numbers = np.zeros(shape, dtype=np.int32)
    for number, one in enumerate(own, start=1):
        left, top, right, bottom = one.box
        place = slice(top - origin[0], bottom - origin[0]), slice(left - origin[1], right - origin[1])
        numbers[place][one.inside.cpu().numpy()] = number
    return numbers


def _shifted(found: Outlines, row: int, col: int) -> Outlines:
    shift = np.array([col, row], dtype=found.corners.dtype)
    return Outlines(corners=found.corners + shift, bounds=found.bounds, cuts=found.cuts)


def joined(each: Sequence[Outlines]) -> Outlines:
    """The rings of several outlines, one after the other."""
    ends = np.cumsum([0, *(len(one.corners) for one in each)])
    bounds = [one.bounds[:-1] + end for one, end in zip(each, ends, strict=False)]
    return Outlines(
        corners=np.concatenate([one.corners for one in each]),
        bounds=np.concatenate([*bounds, ends[-1:]]),
        cuts=np.concatenate([one.cuts for one in each]),
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

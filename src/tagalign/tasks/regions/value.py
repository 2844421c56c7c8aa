"""The regions of one photo, as they came: masks that may overlap, or one map of ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.masks import mask_of_runs, run_lengths
from tagalign.ops.regions import order_by_area, paint, usable
from tagalign.tasks.regions.options import RegionOptions


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """Regions of one photo.

    Attributes:
        size: of the masks.
        runs: run lengths of each mask down the columns, first False ones (COCO's); a thousand masks of a large photo fit.
        ids: the map instead, 0 or -1 for none.
        notes: what was done to them, for people.
    """

    size: Size
    runs: tuple[tuple[int, ...], ...] = ()
    ids: Int[Tensor, "height width"] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of_masks(cls, masks: Iterable[Bool[Tensor, "height width"]], size: Size) -> "Regions":
        """From masks of one size in any order; they may overlap and be empty, and come one at a time."""
        return cls(size=size, runs=tuple(tuple(run_lengths(mask)) for mask in masks))

    @classmethod
    def of_ids(cls, ids: Int[Tensor, "height width"]) -> "Regions":
        """From a map of ids."""
        return cls(size=(ids.shape[0], ids.shape[1]), ids=ids.long())

    def __len__(self) -> int:
        if self.ids is None:
            return len(self.runs)
        return int((self.ids.unique() > 0).sum())

    def resized(self, size: Size) -> "Regions":
        """At another size, by nearest neighbour, with a note; itself where the size is the same."""
        if size == self.size:
            return self
        rows, cols = (_nearest(old, new) for old, new in zip(self.size, size, strict=True))
        note = (
            f"the regions are {self.size[0]} x {self.size[1]} pixels (height x width), the photo {size[0]} x "
            f"{size[1]}: resized by nearest neighbour"
        )
        notes = (*self.notes, note)
        if self.ids is not None:
            return replace(self, size=size, ids=self.ids[rows][:, cols], notes=notes)
        runs = tuple(tuple(run_lengths(self.mask(i)[rows][:, cols])) for i in range(len(self.runs)))
        return replace(self, size=size, runs=runs, notes=notes)

    def mask(self, place: int) -> Bool[Tensor, "height width"]:
        """One of the masks."""
        return mask_of_runs(self.runs[place], self.size)

    def painted(self, options: RegionOptions) -> Int[Tensor, "height width"]:
        """The id map: 0 or less where no region is; masks that the options ignore are not in it."""
        if self.ids is not None:
            return self.ids
        switches = options.switches
        areas = torch.tensor([sum(run[1::2]) for run in self.runs], dtype=torch.int64)
        order = order_by_area(areas.tolist(), smaller_on_top=switches.smaller_on_top)
        if switches.smaller_on_top:
            kept = usable(
                areas,
                self.size[0] * self.size[1],
                min_pixels=switches.min_pixels,
                max_share=switches.max_share,
            )
            order = [place for place in order if kept[place]]
        return paint(self.mask, order, self.size, numbered_by_order=not switches.smaller_on_top)


def regions_of(value: object) -> Regions:
    """Regions of what a person has in hand: themselves, masks ``[regions, height, width]`` or ids ``[height, width]``.

    Raises:
        DataError: for anything else.
    """
    if isinstance(value, Regions):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value):
        value = np.stack([np.asarray(mask) for mask in value])
    array = value.cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.ndim == 3 and array.dtype.kind in "bui" and array.shape[1] * array.shape[2]:
        return Regions.of_masks(torch.from_numpy(array != 0), (array.shape[1], array.shape[2]))
    if array.ndim == 2 and array.dtype.kind in "ui" and array.size:
        return Regions.of_ids(torch.from_numpy(array.astype(np.int64)))
    raise DataError(
        "expected regions as bool masks [regions, height, width], whole ids [height, width] or a file, got "
        f"{array.dtype} of shape {list(array.shape)}"
    )


def _nearest(old: int, new: int) -> Int[Tensor, " places"]:
    """The old place under the centre of each new one."""
    return ((torch.arange(new) + 0.5) * (old / new)).long().clamp(max=old - 1)

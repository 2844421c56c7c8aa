"""Images with label maps to train on: benchmarks, a user's own masks, and which classes hide theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt8

from tagalign.data.benchmarks.mask_files import class_table
from tagalign.data.benchmarks.own import OwnMasks, pairs_of_photos
from tagalign.data.benchmarks.records import SegmentationSet
from tagalign.data.benchmarks.segmentation_sets import first_folder
from tagalign.errors import InputError
from tagalign.labels import WIDE_IGNORE, LabelSet, ignored_id


@runtime_checkable
class SegmentationSource(Protocol):
    """Images with label maps, by number."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(
        self, index: int, /
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Int[np.ndarray, "height width"]]:
        """RGB pixels and class ids of one image; ``types.ignored_id`` of the number of classes is not counted."""
        ...


class SomeImages:
    """Some images of a source, e.g. those that are held out."""

    def __init__(self, source: SegmentationSource, rows: Sequence[int]) -> None:
        self.source, self.rows = source, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(
        self, index: int, /
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Int[np.ndarray, "height width"]]:
        """RGB pixels and class ids of one of them."""
        return self.source[self.rows[index]]


def hold_out(source: SegmentationSource, count: int) -> tuple[SegmentationSource, SegmentationSource | None]:
    """A source without its last ``count`` images, and these; they are held out from training.

    Raises:
        InputError: if nothing is left to train on.
    """
    if count <= 0:
        return source, None
    left = len(source) - count
    if left < 1:
        raise InputError(f"{count} of {len(source)} images cannot be held out: nothing is left to train on")
    return SomeImages(source, range(left)), SomeImages(source, range(left, len(source)))


class BenchmarkSource:
    """A benchmark as a ``SegmentationSource``: labels are those of its label set, background pixels are ignored.

    The papers' protocol leaves the background of VOC out; a set without background class is taken as it is.
    """

    def __init__(self, benchmark: SegmentationSet) -> None:
        self.benchmark = benchmark

    def __len__(self) -> int:
        return len(self.benchmark)

    def __getitem__(
        self, index: int, /
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Int[np.ndarray, "height width"]]:
        """RGB pixels and ids into ``benchmark.labels``, or ``ignored_id`` of their number."""
        pixels = np.asarray(self.benchmark.image(index).convert("RGB"))
        return pixels, without_background(self.benchmark, index)


def without_background(benchmark: SegmentationSet, index: int) -> Int[np.ndarray, "height width"]:
    """Ids into ``benchmark.labels`` of one image's pixels, ``ignored_id`` of their number on background and ignored ones."""
    target = benchmark.target(index).astype(np.int64)
    is_ignored = target == benchmark.ignore
    if benchmark.has_background:
        is_ignored |= target == 0
        target = target - 1
    return np.where(is_ignored, ignored_id(len(benchmark.labels)), target)


class FirstImages:
    """The first images of a benchmark, for trials."""

    def __init__(self, data: SegmentationSet, count: int) -> None:
        self._data, self._count = data, min(count, len(data))

    def __len__(self) -> int:
        return self._count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


def own_masks(images: Path, masks: Path, labels: LabelSet) -> OwnMasks:
    """Images and masks of a user: pairs of equal names, ids are places in the label set, 255 is ignored, or 65535.

    Raises:
        DataError: if a folder is not there or there is no image.
    """
    first_folder((images,), "--photos")
    first_folder((masks,), "--masks")
    ignore = ignored_id(len(labels))
    return OwnMasks(
        name=labels.name,
        split="train",
        labels=labels,
        has_background=False,
        pairs=pairs_of_photos(images, masks),
        table=class_table({i: i for i in range(len(labels))}, ignored=(ignore,), ignore=ignore),
        ignore=ignore,
    )


@dataclass(frozen=True, kw_only=True)
class ClassSplit:
    """The classes of a data set and which of them hide their masks.

    Attributes:
        names: of all classes, in the order of their ids.
        unseen: ids of the classes whose masks are hidden.
    """

    names: tuple[str, ...]
    unseen: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        wrong = [i for i in self.unseen if not 0 <= i < len(self.names)]
        if wrong or len(set(self.unseen)) != len(self.unseen):
            raise InputError(
                f"expected different unseen ids from 0 to {len(self.names) - 1}, got {list(self.unseen)}"
            )
        if len(self.unseen) == len(self.names):
            raise InputError("all classes are unseen: nothing is left to train on")
        if len(self.names) > WIDE_IGNORE:
            raise InputError(
                f"at most {WIDE_IGNORE} classes ({WIDE_IGNORE} marks ignored pixels), got {len(self.names)}"
            )

    @property
    def ignored(self) -> int:
        """Id of pixels that are not counted."""
        return ignored_id(len(self.names))

    @property
    def seen(self) -> tuple[int, ...]:
        """Ids of the classes with masks, ascending."""
        return tuple(i for i in range(len(self.names)) if i not in self.unseen)

    def names_of(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Names by id."""
        return tuple(self.names[i] for i in ids)

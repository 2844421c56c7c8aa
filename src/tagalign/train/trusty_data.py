"""Training crops as a pure function of seed and place: nothing random has to be stored to resume exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.benchmarks.mask_files import class_table
from tagalign.data.benchmarks.records import SegmentationSet
from tagalign.data.benchmarks.segmentation_sets import MaskFolder, first_folder, pairs_by_name
from tagalign.data.segmentation_augment import Augmentation, Sample
from tagalign.errors import DataError, InputError
from tagalign.types import IGNORE, LabelSet


@runtime_checkable
class SegmentationSource(Protocol):
    """Images with label maps, by number."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(
        self, index: int, /
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Int[np.ndarray, "height width"]]:
        """RGB pixels and class ids (255 = ignore) of one image."""
        ...


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
        """RGB pixels and ids into ``benchmark.labels`` (255 = ignore)."""
        pixels = np.asarray(self.benchmark.image(index).convert("RGB"))
        return pixels, without_background(self.benchmark, index)


def without_background(benchmark: SegmentationSet, index: int) -> Int[np.ndarray, "height width"]:
    """Ids into ``benchmark.labels`` of one image's pixels, 255 on background and ignored ones."""
    target = benchmark.target(index).astype(np.int64)
    is_ignored = target == benchmark.ignore
    if benchmark.has_background:
        is_ignored |= target == 0
        target = target - 1
    return np.where(is_ignored, IGNORE, target)


class FirstImages:
    """The first images of a benchmark, for trials."""

    def __init__(self, data: SegmentationSet, count: int) -> None:
        self._data, self._count = data, min(count, len(data))

    def __len__(self) -> int:
        return self._count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


class OwnMasks(MaskFolder):
    """A user's images and masks; which classes hide theirs is said elsewhere."""

    @property
    def unseen(self) -> tuple[int, ...]:
        """None: no benchmark, no split."""
        return ()


def own_masks(images: Path, masks: Path, labels: LabelSet) -> OwnMasks:
    """Images and masks of a user: pairs of equal names, ids are places in the label set, 255 is ignored.

    Raises:
        DataError: if a folder is not there or there is no image.
    """
    first_folder((images,), "--images")
    first_folder((masks,), "--masks")
    ending = ".jpg" if any(images.glob("*.jpg")) else ".png"
    return OwnMasks(
        name=labels.name,
        split="train",
        labels=labels,
        has_background=False,
        pairs=pairs_by_name(images, masks, ending, ".png"),
        table=class_table({i: i for i in range(len(labels))}),
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
        if len(self.names) > IGNORE:
            raise InputError(
                f"at most {IGNORE} classes ({IGNORE} marks ignored pixels), got {len(self.names)}"
            )

    @property
    def seen(self) -> tuple[int, ...]:
        """Ids of the classes with masks, ascending."""
        return tuple(i for i in range(len(self.names)) if i not in self.unseen)

    def names_of(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Names by id."""
        return tuple(self.names[i] for i in ids)


@dataclass(frozen=True, kw_only=True, eq=False)
class CropBatch:
    """A batch of training crops.

    Attributes:
        pixels: normalised; 0 on padding.
        labels: original class ids, or 255.
        is_padding: pixels outside of the photo.
    """

    pixels: Float[Tensor, "batch 3 height width"]
    labels: Int[Tensor, "batch height width"]
    is_padding: Bool[Tensor, "batch height width"]

    def to(self, device: torch.device) -> "CropBatch":
        """The same batch on a device."""
        return CropBatch(
            pixels=self.pixels.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            is_padding=self.is_padding.to(device, non_blocking=True),
        )


class CropDataset(Dataset[Sample]):
    """Place ``p`` of a run gives image ``order(seed, p // n)[p % n]``, cropped with a generator of ``(seed, p)``."""

    def __init__(
        self,
        source: SegmentationSource,
        augment: Augmentation,
        *,
        seed: int,
        known: Sequence[int] | None = None,
    ) -> None:
        if not len(source):
            raise DataError("expected at least one image with a label map to train on, got none")
        self.source, self.augment, self.seed, self.known = source, augment, seed, known

    def __getitem__(self, place: int) -> Sample:
        epoch, index = divmod(place, len(self.source))
        pixels, labels = self.source[int(epoch_order(self.seed, epoch, len(self.source))[index])]
        return self.augment(pixels, labels, np.random.default_rng([self.seed, place]), known=self.known)


@lru_cache(maxsize=2)
def epoch_order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    """A permutation that depends on the arguments alone."""
    return np.random.default_rng([seed, epoch, count]).permutation(count)


def crop_batches(
    source: SegmentationSource,
    augment: Augmentation,
    preprocessing: Preprocessing,
    *,
    seed: int,
    batch_size: int,
    first_step: int,
    steps: int,
    workers: int = 0,
    known: Sequence[int] | None = None,
) -> Iterator[CropBatch]:
    """The batches of steps ``first_step`` to ``steps - 1``; the same whatever was drawn before and by how many workers.

    ``known`` are the ids that may steer the crops; see ``Augmentation``.

    Raises:
        DataError: if there is no image.
    """
    loader = DataLoader(
        CropDataset(source, augment, seed=seed, known=known),
        sampler=range(first_step * batch_size, steps * batch_size),
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=_Collate(preprocessing),
        persistent_workers=False,
    )
    yield from loader


class _Collate:
    """A class and not a closure, because worker processes receive it."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, samples: Sequence[Sample]) -> CropBatch:
        pixels = torch.from_numpy(np.stack([s.pixels for s in samples])).permute(0, 3, 1, 2).float() / 255
        mean = torch.tensor(self.preprocessing.mean).view(3, 1, 1)
        std = torch.tensor(self.preprocessing.std).view(3, 1, 1)
        is_padding = torch.from_numpy(np.stack([s.is_padding for s in samples]))
        labels = torch.from_numpy(np.stack([s.labels for s in samples]).astype(np.int64))
        # padded after the normalisation in the recipe, so padding is the mean colour
        normalised = ((pixels - mean) / std).masked_fill(is_padding[:, None], 0.0)
        return CropBatch(pixels=normalised, labels=labels, is_padding=is_padding)

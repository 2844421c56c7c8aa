"""Training crops as a pure function of seed and place: nothing random has to be stored to resume exactly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from tagalign.backbones.preprocess import Preprocessing
from tagalign.cores import end_at_once, worker_start
from tagalign.data.batches import Position
from tagalign.data.processes import Processes
from tagalign.data.trusty.augment import Augmentation, Sample
from tagalign.data.trusty.sources import SegmentationSource
from tagalign.errors import DataError
from tagalign.labels import IGNORE


@dataclass(frozen=True, kw_only=True, eq=False)
class CropBatch:
    """A batch of training crops.

    Attributes:
        pixels: normalised; 0 on padding.
        labels: original class ids, or the ignored id.
        is_padding: pixels outside of the photo.
        position: the next step of the run.
        skipped: none.
    """

    pixels: Float[Tensor, "batch 3 height width"]
    labels: Int[Tensor, "batch height width"]
    is_padding: Bool[Tensor, "batch height width"]
    position: Position = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "CropBatch":
        """Some of the crops."""
        return replace(
            self, pixels=self.pixels[rows], labels=self.labels[rows], is_padding=self.is_padding[rows]
        )

    def pin_memory(self) -> "CropBatch":
        """In page-locked memory, from which copies run beside the computation."""
        return replace(
            self,
            pixels=self.pixels.pin_memory(),
            labels=self.labels.pin_memory(),
            is_padding=self.is_padding.pin_memory(),
        )

    def to(self, device: torch.device) -> "CropBatch":
        """The same batch on a device."""
        return replace(
            self,
            pixels=self.pixels.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            is_padding=self.is_padding.to(device, non_blocking=True),
        )


class CropDataset(Dataset[Sample]):
    """Place ``p`` of a run gives image ``image_order(seed, p // n, n)[p % n]``, cut with a generator of ``(seed, p)``.

    Args:
        source: images with label maps.
        augment: of the crops.
        seed: of order and crops.
        known: the ids that may steer the crops; see ``Augmentation``.
        ignored: id of pixels that are not counted.

    Raises:
        DataError: if there is no image.
    """

    def __init__(
        self,
        source: SegmentationSource,
        augment: Augmentation,
        *,
        seed: int,
        known: Sequence[int] | None = None,
        ignored: int = IGNORE,
    ) -> None:
        if not len(source):
            raise DataError("expected at least one image with a label map to train on, got none")
        self.source, self.augment, self.seed, self.known = source, augment, seed, known
        self.ignored = ignored

    def __getitem__(self, place: int) -> Sample:
        epoch, index = divmod(place, len(self.source))
        pixels, labels = self.source[int(image_order(self.seed, epoch, len(self.source))[index])]
        rng = np.random.default_rng([self.seed, place])
        return self.augment(pixels, labels, rng, known=self.known, ignored=self.ignored)


@lru_cache(maxsize=2)
def image_order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    """A permutation that depends on the arguments alone."""
    return np.random.default_rng([seed, epoch, count]).permutation(count)


def crop_batches(
    crops: CropDataset,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    first_step: int,
    steps: int,
    workers: int = 0,
    processes: Processes | None = None,
) -> Iterator[CropBatch]:
    """The batches of steps ``first_step`` to ``steps - 1``; the same whatever was drawn before and by how many workers.

    With several processes each takes its rows of one whole batch.
    """
    rows = (processes or Processes()).own_rows(batch_size)
    loader = DataLoader(
        crops,
        sampler=_Places(batch_size=batch_size, rows=rows, first_step=first_step, steps=steps),
        batch_size=rows.stop - rows.start,
        num_workers=workers,
        multiprocessing_context=worker_start() if workers else None,
        worker_init_fn=end_at_once,
        collate_fn=_Collate(preprocessing),
        persistent_workers=False,
    )
    for step, batch in enumerate(loader, start=first_step):
        yield replace(batch, position=step + 1)


@dataclass(frozen=True, kw_only=True)
class _Places(Sampler[int]):
    """Places in the run of one process's rows, step after step: a list would hold millions of numbers."""

    batch_size: int
    rows: slice
    first_step: int
    steps: int

    def __iter__(self) -> Iterator[int]:
        for step in range(self.first_step, self.steps):
            start = step * self.batch_size
            yield from range(start + self.rows.start, start + self.rows.stop)

    def __len__(self) -> int:
        return (self.steps - self.first_step) * (self.rows.stop - self.rows.start)


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

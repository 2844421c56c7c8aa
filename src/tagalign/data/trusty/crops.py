"""Training crops as a pure function of seed and place: nothing random has to be stored to resume exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.trusty.augment import Augmentation, Sample
from tagalign.data.trusty.sources import SegmentationSource
from tagalign.errors import DataError


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
    """Place ``p`` of a run gives image ``image_order(seed, p // n, n)[p % n]``, cut with a generator of ``(seed, p)``."""

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
        pixels, labels = self.source[int(image_order(self.seed, epoch, len(self.source))[index])]
        return self.augment(pixels, labels, np.random.default_rng([self.seed, place]), known=self.known)


@lru_cache(maxsize=2)
def image_order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
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

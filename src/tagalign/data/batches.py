"""What a training loop eats: batches of frozen features or of pixels, and where to go on after each of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tagalign.ops.tag_rows import TagRows

Position = Any
"""JSON values that say where a source stands; opaque to the loop, which stores them in its checkpoints."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureBatch:
    """Frozen features of images, and their captions.

    Attributes:
        features: patch tokens before the last layer norm, any float type.
        grid: rows and columns of patches.
        texts: caption embeddings, any norm; None where no caption is used.
        tags: of the captions.
        teacher: scores of a frozen tagger as weighted tags of its own list; None where none is distilled.
        keys: of the pairs; may be empty where the source has none.
        position: where the source stands after this batch.
        skipped: samples left out on the way, by reason.
    """

    features: Float[Tensor, "batch patches width"]
    grid: tuple[int, int]
    texts: Float[Tensor, "batch dim"] | None
    tags: TagRows
    teacher: TagRows | None = None
    keys: tuple[str, ...] = ()
    position: Position = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> "FeatureBatch":
        """On another device, without waiting for the copies."""
        texts = None if self.texts is None else self.texts.to(device, non_blocking=True)
        features = self.features.to(device, non_blocking=True)
        teacher = None if self.teacher is None else self.teacher.to(device)
        return replace(self, features=features, texts=texts, tags=self.tags.to(device), teacher=teacher)

    def pin_memory(self) -> "FeatureBatch":
        """In page-locked memory, from which copies run beside the computation."""
        texts = None if self.texts is None else self.texts.pin_memory()
        return replace(self, features=self.features.pin_memory(), texts=texts, tags=self.tags.pin_memory())

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelBatch:
    """Decoded images and tokenised captions; pixels travel as bytes and are normalised on the device.

    Attributes:
        pixels: RGB, cropped to one size.
        caption_ids: token ids, padded after the end token; None where no caption is used.
        tags: of the captions.
        keys: of the pairs.
        position: where the source stands after this batch.
        skipped: samples left out on the way, by reason.
    """

    pixels: UInt8[Tensor, "batch 3 height width"]
    caption_ids: Int[Tensor, "batch tokens"] | None
    tags: TagRows
    keys: tuple[str, ...] = ()
    position: Position = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> "PixelBatch":
        """On another device, without waiting for the copies."""
        ids = None if self.caption_ids is None else self.caption_ids.to(device, non_blocking=True)
        pixels = self.pixels.to(device, non_blocking=True)
        return replace(self, pixels=pixels, caption_ids=ids, tags=self.tags.to(device))

    def pin_memory(self) -> "PixelBatch":
        """In page-locked memory, from which copies run beside the computation."""
        ids = None if self.caption_ids is None else self.caption_ids.pin_memory()
        return replace(self, pixels=self.pixels.pin_memory(), caption_ids=ids, tags=self.tags.pin_memory())

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelChunks:
    """A batch as several pieces: what travels from a worker at a time is smaller than what a step needs.

    Attributes:
        chunks: in order.
        position: where the source stands after the last of them.
    """

    chunks: tuple[PixelBatch, ...]
    position: Position = None

    @property
    def skipped(self) -> Mapping[str, int]:
        """Samples left out on the way, by reason."""
        total: Counter[str] = Counter()
        for chunk in self.chunks:
            total.update(chunk.skipped)
        return dict(total)

    def to(self, device: torch.device | str) -> "PixelChunks":
        """On another device, without waiting for the copies."""
        return replace(self, chunks=tuple(chunk.to(device) for chunk in self.chunks))

    def pin_memory(self) -> "PixelChunks":
        """Itself: the loader has pinned the chunks on their way."""
        return self

    def __len__(self) -> int:
        return sum(map(len, self.chunks))


AnyBatch = TypeVar("AnyBatch", FeatureBatch, PixelChunks, covariant=True)


@runtime_checkable
class BatchSource(Protocol[AnyBatch]):
    """An endless stream of batches that can be entered anywhere."""

    @property
    def batch_size(self) -> int:
        """Images per batch of this process."""
        ...

    def batches(self, position: Position = None) -> Iterator[AnyBatch]:
        """Batches from the start, or from the ``position`` that an earlier batch carried; the same ones every time."""
        ...

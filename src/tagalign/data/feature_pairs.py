"""Image-caption pairs as frozen features, in memory or on disk, and batches of them in an order that a seed fixes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import Backbone, DenseFeatures
from tagalign.data.batches import FeatureBatch, Position
from tagalign.errors import DataError, InputError
from tagalign.labels import Size
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.vocabulary import TagLabels

RowNumbers = Int[np.ndarray, " rows"]


@runtime_checkable
class FeatureStore(Protocol):
    """Patch features by row."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches, the same for all images."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def take(self, rows: RowNumbers) -> Float[Tensor, "batch patches width"]:
        """Features of some images, in the order asked for."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryStore:
    """Features in memory; float16 halves the room and rounds by at most 1 part in 2,000."""

    features: Float[Tensor, "images patches width"]
    grid: tuple[int, int]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: RowNumbers) -> Float[Tensor, "batch patches width"]:
        """Features of some images, in the order asked for."""
        return self.features[torch.from_numpy(np.asarray(rows, dtype=np.int64))]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeaturePairs:
    """Pairs of which the frozen encoders have seen everything once.

    Attributes:
        store: patch features of the images.
        images: row in the store, one per pair; several pairs may share an image.
        texts: caption embeddings, one per pair; None where no caption is used.
        labels: tags of the captions, one row per pair.
        keys: of the pairs; may be empty.
    """

    store: FeatureStore
    images: RowNumbers
    texts: Float[Tensor, "pairs dim"] | None
    labels: TagLabels
    keys: Sequence[str] = ()

    def __post_init__(self) -> None:
        counts = {"images": len(self.images), "labels": len(self.labels)}
        if self.texts is not None:
            counts["texts"] = len(self.texts)
        if len(set(counts.values())) != 1:
            raise DataError(f"expected one row per pair everywhere, got {counts}")
        if not len(self.images):
            raise DataError("there is no pair to train on")

    def __len__(self) -> int:
        return len(self.images)

    def relabel(self, labels: TagLabels) -> "FeaturePairs":
        """The same features with other tags: one cache serves every vocabulary."""
        return FeaturePairs(
            store=self.store, images=self.images, texts=self.texts, labels=labels, keys=self.keys
        )

    def first(self, count: int) -> "FeaturePairs":
        """The first pairs alone; features are shared."""
        indptr = self.labels.indptr[: count + 1]
        return FeaturePairs(
            store=self.store,
            images=self.images[:count],
            texts=None if self.texts is None else self.texts[:count],
            labels=TagLabels(indptr, self.labels.indices[: int(indptr[-1])]),
            keys=self.keys[:count],
        )

    def batch(self, pairs: RowNumbers, *, position: Position = None) -> FeatureBatch:
        """A batch of chosen pairs."""
        rows = [self.labels.row(int(pair)).tolist() for pair in pairs]
        return FeatureBatch(
            features=self.store.take(self.images[pairs]),
            grid=self.store.grid,
            texts=None if self.texts is None else self.texts[torch.from_numpy(pairs)],
            tags=TagRows.from_lists(rows),
            keys=tuple(self.keys[int(pair)] for pair in pairs) if len(self.keys) else (),
            position=position,
        )


@dataclass(frozen=True, kw_only=True)
class ShuffledPairs:
    """Endless shuffled batches; batch ``n`` is a function of seed and n, so any step can be entered at once.

    With several processes each takes its slice of one global batch: two processes with ``batch_size`` B see what one
    with 2B sees.

    Attributes:
        pairs: what to read.
        batch_size: images per batch of this process.
        seed: of the order.
        rank: of this process.
        world: number of processes.
    """

    pairs: FeaturePairs
    batch_size: int
    seed: int = 0
    rank: int = 0
    world: int = 1

    def batches(self, position: Position = None) -> Iterator[FeatureBatch]:
        """Batches from number ``position`` on."""
        number = int(position or 0)
        while True:
            start = (number * self.world + self.rank) * self.batch_size
            yield self.pairs.batch(self._pairs(start), position=number + 1)
            number += 1

    def _pairs(self, start: int) -> RowNumbers:
        """``batch_size`` places of the endless concatenation of shuffled epochs."""
        total, chunks, end = len(self.pairs), [], start + self.batch_size
        while start < end:
            epoch, offset = divmod(start, total)
            chunk = epoch_order(total, seed=self.seed, epoch=epoch)[offset : offset + end - start]
            chunks.append(chunk)
            start += len(chunk)
        return np.concatenate(chunks)


@lru_cache(maxsize=2)  # an epoch and, while it ends, the next one
def epoch_order(total: int, *, seed: int, epoch: int) -> RowNumbers:
    """A permutation of ``0..total-1`` that depends on seed and epoch alone; read-only, because callers share it."""
    order = np.random.default_rng((seed, epoch)).permutation(total)
    order.flags.writeable = False
    return order


def _kept(dense: DenseFeatures, backbone: Backbone, *, cls_only: bool) -> Tensor:
    if not cls_only:
        return dense.patches
    if dense.cls is None:
        raise InputError(f"{backbone.name}: {backbone.family} has no class token to keep; keep the patches")
    return dense.cls[:, None]


def encode_images(
    backbone: Backbone,
    images: Iterable[Image.Image],
    *,
    size: Size | None = None,
    mode: str = "surgery",
    preprocessing: Preprocessing | None = None,
    batch_size: int = 64,
    dtype: torch.dtype = torch.float16,
    cls_only: bool = False,
) -> MemoryStore:
    """Frozen features of images in memory.

    Args:
        backbone: the frozen encoder.
        images: upright RGB; read once.
        size: (height, width) every image is resized to; the encoder's native square when None.
        mode: dense mode whose patch tokens (before the last layer norm) are kept.
        preprocessing: pixel statistics; the encoder's own when None.
        batch_size: images per forward pass.
        dtype: of the stored numbers.
        cls_only: keep the class token instead of the patches, as one "patch": what a baseline that is trained on
            image-level embeddings alone sees.

    Raises:
        InputError: if there is no image, or a feature does not fit into ``dtype``.
    """
    preprocessing = preprocessing or backbone.preprocessing
    size = size or (preprocessing.image_size, preprocessing.image_size)
    chunks: list[Tensor] = []
    pending: list[Tensor] = []

    def flush() -> None:
        dense = backbone.encode_dense(torch.stack(pending).to(backbone.device), mode=mode)
        chunks.append(_kept(dense, backbone, cls_only=cls_only).to(dtype).cpu())
        pending.clear()

    for image in images:
        pending.append(to_tensor(resize(image, size), preprocessing))
        if len(pending) == batch_size:
            flush()
    if pending:
        flush()
    if not chunks:
        raise InputError("expected at least one image, got none")
    features = torch.cat(chunks)
    if not bool(features.isfinite().all()):
        raise InputError(
            f"features of {backbone.name} in mode {mode} do not fit into {dtype}; store them as float32"
        )
    return MemoryStore(features=features, grid=(1, 1) if cls_only else backbone.grid_of(*size))

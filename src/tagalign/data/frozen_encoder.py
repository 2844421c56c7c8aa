"""The frozen part of a step: pixels and caption ids to features and caption embeddings, piece by piece, without gradient."""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import Backbone
from tagalign.data.batches import FeatureBatch, PixelBatch, PixelChunks
from tagalign.ops.compiling import compiled
from tagalign.ops.precision import PRECISIONS, Precision, autocast
from tagalign.ops.tag_rows import TagRows


class FrozenEncoder:
    """Encodes batches of pixels for the loop.

    Args:
        backbone: the frozen encoder, on the device of the run.
        mode: dense mode.
        preprocessing: pixel statistics; the encoder's own when None.
        precision: of the products, ``fp32`` or ``bf16``; features are kept in it.
        compile_encoder: run the vision tower through ``torch.compile``; the first step then takes a minute.
        with_texts: whether captions are encoded.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        mode: str,
        preprocessing: Preprocessing | None = None,
        precision: Precision = "fp32",
        compile_encoder: bool = False,
        with_texts: bool = True,
    ) -> None:
        preprocessing = preprocessing or backbone.preprocessing
        device = backbone.device
        self.backbone, self.mode, self.precision, self.with_texts = backbone, mode, precision, with_texts
        self._mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1) * 255
        self._dense: Callable[[Tensor], tuple[Tensor, tuple[int, int]]] = self._encode
        if compile_encoder:
            self._dense = compiled(self._encode, device)

    @torch.no_grad()
    def __call__(self, batch: PixelChunks) -> FeatureBatch:
        """Features of all chunks as one batch."""
        parts = [self._chunk(chunk) for chunk in batch.chunks]
        texts = [text for _, _, text in parts if text is not None]
        return FeatureBatch(
            features=torch.cat([features for features, _, _ in parts]),
            grid=parts[0][1],
            texts=torch.cat(texts) if texts else None,
            tags=join_tags([chunk.tags for chunk in batch.chunks]),
            keys=tuple(key for chunk in batch.chunks for key in chunk.keys),
            position=batch.position,
            skipped=batch.skipped,
        )

    def _chunk(self, chunk: PixelBatch) -> tuple[Tensor, tuple[int, int], Tensor | None]:
        with autocast(self.precision, chunk.pixels.device):
            features, grid = self._dense(chunk.pixels)
            if not self.with_texts or chunk.caption_ids is None:
                return features, grid, None
            return features, grid, self.backbone.encode_ids(chunk.caption_ids)

    def _encode(
        self, pixels: UInt8[Tensor, "batch 3 h w"]
    ) -> tuple[Float[Tensor, "batch patches width"], tuple[int, int]]:
        dense = self.backbone.encode_dense((pixels.float() - self._mean) / self._std, mode=self.mode)
        return dense.patches.to(PRECISIONS[self.precision] or dense.patches.dtype), dense.grid


def join_tags(parts: list[TagRows]) -> TagRows:
    """Tag rows of chunks as those of the joined batch."""
    offsets, total = [], 0
    for part in parts:
        offsets.append(total)
        total += part.num_images
    return TagRows(
        images=torch.cat([part.images + offset for part, offset in zip(parts, offsets, strict=True)]),
        tags=torch.cat([part.tags for part in parts]),
        num_images=total,
    )

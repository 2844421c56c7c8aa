"""What TagCLIP and CLS-SEG keep of an image, and the size an image gets before it is encoded."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.brief import Brief
from tagalign.labels import Size

MAX_CELLS = 2**26
"""Cells of one layer's attention maps over a batch: 256 MB in float32."""

CPU_NUMBERS = 2**23
"""Numbers of the widest activation of one pass on a CPU: 32 MB in float32."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TagClipImage(Brief):
    """An image after the encoder, with the attention maps and pixels that later steps need.

    Attributes:
        method: that encoded it; another one refuses it.
        size: of the original image.
        pixels: normalised, at the size that was encoded; crops are cut from them.
        grid: rows and columns of patches.
        embeds: of the patches, in the joint space; any norm.
        attention: trusted attention between patches (``TagClipPass``).
        affinity: mean attention for class activation maps; None for a tagger.
        last_input: input of the last block; None for a tagger.
    """

    method: str
    size: Size
    pixels: Float[Tensor, "3 height width"]
    grid: tuple[int, int]
    embeds: Float[Tensor, "patches dim"]
    attention: Float[Tensor, "patches patches"]
    affinity: Float[Tensor, "patches patches"] | None = None
    last_input: Float[Tensor, "tokens features"] | None = None

    @property
    def embed(self) -> Float[Tensor, " dim"]:
        """Of the whole image: the mean direction of its patches."""
        return F.normalize(self.embeds.float(), dim=-1).mean(dim=0)


def canvas_size(size: Size, *, patch_size: int, short_side: int | None, max_patches: int) -> Size:
    """The size an image is resized to: whole patches, rounded up, as released.

    Args:
        size: of the original image.
        patch_size: pixels.
        short_side: wanted for the shorter side, the ratio is kept; None keeps the original resolution, as the paper does.
        max_patches: larger images are shrunk to so many, because attention maps grow with the square of their number.

    >>> canvas_size((375, 500), patch_size=16, short_side=None, max_patches=4096)
    (384, 512)
    """
    scale = short_side / min(size) if short_side else 1.0
    rows, cols = (max(1, math.ceil(round(side * scale, 6) / patch_size)) for side in size)
    if rows * cols > max_patches:
        shrink = math.sqrt(max_patches / (rows * cols))
        rows = max(1, math.floor(rows * shrink))
        cols = max(1, min(math.floor(cols * shrink), max_patches // rows))
        rows = min(rows, max_patches // cols)
    return rows * patch_size, cols * patch_size


def pass_limit(backbone: BlockBackbone, tokens: int) -> int | None:
    """Images of so many tokens in one pass on a CPU; None on other devices, where larger is faster.

    Above 32 MB the allocator maps fresh pages for every tensor, and a batch becomes slower per image than one image.
    """
    if backbone.device.type != "cpu":
        return None
    return max(1, CPU_NUMBERS // (tokens * backbone.mlp_width))


def whole_batches(
    pixels: Sequence[Float[Tensor, "3 _ _"]], backbone: BlockBackbone, *, batch_size: int
) -> Iterator[tuple[list[int], Float[Tensor, "batch 3 height width"]]]:
    """Images of one size together on the encoder's device, with their places in ``pixels``; see ``buckets``."""
    for ids in buckets(
        [(p.shape[1], p.shape[2]) for p in pixels],
        batch_size=batch_size,
        max_cells=MAX_CELLS,
        patch_size=backbone.patch_size,
        limit=lambda patches: pass_limit(backbone, patches),
    ):
        yield ids, torch.stack([pixels[i] for i in ids]).to(backbone.device)


def buckets(
    sizes: Sequence[Size],
    *,
    batch_size: int,
    max_cells: int,
    patch_size: int,
    limit: Callable[[int], int | None] = lambda tokens: None,
) -> list[list[int]]:
    """Indices of images of one size, at most ``batch_size`` together, fewer where their attention maps are large.

    Args:
        sizes: of the images, in whole patches.
        batch_size: images in one pass.
        max_cells: cells of one layer's maps over a batch.
        patch_size: pixels.
        limit: images in one pass by their number of patches; None for no further limit.
    """
    by_size: dict[Size, list[int]] = defaultdict(list)
    for i, size in enumerate(sizes):
        by_size[size].append(i)
    batches = []
    for (height, width), ids in by_size.items():
        patches = height * width // patch_size**2
        step = max(1, min(batch_size, max_cells // patches**2, limit(patches) or batch_size))
        batches += [ids[start : start + step] for start in range(0, len(ids), step)]
    return batches

"""Class-wise reidentification: one crop per candidate label, seen again by the whole encoder through the label's mask.

Crops of any number of images and labels are one batch; of the last block only the class token is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.methods.tagclip.image import pass_limit
from tagalign.ops import attention as attn
from tagalign.ops.affinity import min_max
from tagalign.ops.masks import boxes_around

HIDDEN = -1000.0
"""Added to the attention logit of a patch outside the mask; finite, as released, and far below any logit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CropRegions:
    """Where the candidates of one image are.

    Attributes:
        boxes: XYXY in patches, ends exclusive: what is cut out; of zero width or height where the release loses the box
            at the border.
        masks: patches of the label inside the box, resized to the encoder's native grid; empty for an empty box.
    """

    boxes: Int[Tensor, "candidates 4"]
    masks: Bool[Tensor, "candidates rows cols"]

    def filled(self) -> Bool[Tensor, " candidates"]:
        """Candidates with a box that is not empty."""
        return (self.boxes[:, 2] > self.boxes[:, 0]) & (self.boxes[:, 3] > self.boxes[:, 1])


def find_regions(
    scores: Float[Tensor, "patches candidates"],
    grid: tuple[int, int],
    *,
    share: float,
    native_grid: tuple[int, int],
    lose_last: bool,
    enlarge: bool = True,
) -> CropRegions:
    """Patches above ``share`` of the min-max scaled map of each candidate, and one box around them.

    Args:
        scores: refined scores of the candidates.
        grid: rows and columns of patches of the image.
        share: mu2 of the paper, in [0, 1].
        native_grid: grid of the crop.
        lose_last: clip the exclusive ends of the boxes to size - 1, as released.
        enlarge: boxes as they are, which the crop enlarges to the native grid (paper); else they grow around their middle
            to the native grid, as far as the image reaches, so that a small object is seen at the image's own scale.
    """
    kept = (min_max(scores) > share).T.unflatten(1, grid)
    boxes = boxes_around(kept)
    if lose_last:
        rows, cols = grid
        boxes = torch.minimum(boxes, boxes.new_tensor([cols, rows, cols - 1, rows - 1]))
    if not enlarge:
        boxes = _grown(boxes, grid, native_grid)
    masks = [_resize_mask(mask, box, native_grid) for mask, box in zip(kept, boxes.tolist(), strict=True)]
    return CropRegions(boxes=boxes, masks=torch.stack(masks) if masks else kept.new_zeros(0, *native_grid))


def _grown(
    boxes: Int[Tensor, "candidates 4"], grid: tuple[int, int], native_grid: tuple[int, int]
) -> Int[Tensor, "candidates 4"]:
    """Boxes at least as large as the native grid where the image has so many patches; empty ones stay empty."""
    filled = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    most = boxes.new_tensor([grid[1], grid[0]])
    least = torch.minimum(boxes.new_tensor([native_grid[1], native_grid[0]]), most)
    sides = torch.maximum(boxes[:, 2:] - boxes[:, :2], least)
    middle_start = (boxes[:, :2] + boxes[:, 2:] - sides).div(2, rounding_mode="floor")
    start = torch.minimum(middle_start.clamp(min=0), most - sides)
    return torch.where(filled[:, None], torch.cat([start, start + sides], dim=1), boxes)


def _resize_mask(mask: Tensor, box: list[int], grid: tuple[int, int]) -> Tensor:
    left, top, right, bottom = box
    inside = mask[top:bottom, left:right]
    if not inside.numel():
        return mask.new_zeros(grid)
    return F.interpolate(inside[None, None].float(), size=grid, mode="nearest")[0, 0] > 0


def cut_crop(
    pixels: Float[Tensor, "3 height width"], box: Int[Tensor, "4"], *, patch_size: int, side: int
) -> Float[Tensor, "3 side side"]:
    """A box of an image at the encoder's native size: bilinear, no antialias, the ratio of the sides is not kept.

    Args:
        pixels: of the image, normalised: as released, the crop is cut from them and not from the photo.
        box: XYXY in patches, ends exclusive.
        patch_size: pixels.
        side: of the crop in pixels.
    """
    left, top, right, bottom = (box * patch_size).tolist()
    crop = pixels[None, :, top:bottom, left:right]
    return F.interpolate(crop, size=(side, side), mode="bilinear", align_corners=False)[0]


@torch.inference_mode()
def masked_class_tokens(
    backbone: BlockBackbone,
    images: Sequence[Float[Tensor, "3 _ _"]],
    regions: Sequence[CropRegions],
    *,
    batch_size: int,
) -> list[Float[Tensor, "some dim"]]:
    """Embedding of the crop of every filled region, the class token looking only at the patches of its mask, in all layers.

    Args:
        backbone: the encoder.
        images: normalised pixels, each of its own size.
        regions: of each image; patches look at everything, the class token always sees itself.
        batch_size: crops in one pass, of whichever images; not more are cut at a time (fewer on a CPU, ``pass_limit``).

    Returns:
        One row per filled region of each image.
    """
    places = [(i, j) for i, region in enumerate(regions) for j in region.filled().nonzero()[:, 0].tolist()]
    side = backbone.preprocessing.image_size
    batch_size = min(batch_size, pass_limit(backbone, (side // backbone.patch_size) ** 2) or batch_size)
    rows = [torch.zeros(0, backbone.embed_dim, dtype=backbone.dtype, device=backbone.device)]
    for start in range(0, len(places), batch_size):
        chunk = places[start : start + batch_size]
        crops = [
            cut_crop(images[i], regions[i].boxes[j], patch_size=backbone.patch_size, side=side)
            for i, j in chunk
        ]
        masks = torch.stack([regions[i].masks[j] for i, j in chunk])
        rows.append(_class_tokens(backbone, torch.stack(crops), _bias(masks, backbone)))
    return list(torch.cat(rows).split([int(region.filled().sum()) for region in regions]))


def _bias(
    masks: Bool[Tensor, "crops rows cols"], backbone: BlockBackbone
) -> Float[Tensor, "crops 1 1 tokens"]:
    """0 for the rows before the patches and the patches of the mask, ``HIDDEN`` for the others."""
    return F.pad((~masks).flatten(1).to(backbone.dtype) * HIDDEN, (backbone.num_prefix, 0))[:, None, None]


def _class_tokens(backbone: BlockBackbone, pixels: Tensor, bias: Tensor) -> Tensor:
    x, _ = backbone.embed_patches(pixels, positions="bilinear")
    prefix = backbone.num_prefix
    if not prefix:  # no class token (SigLIP): the pooling head is what looks at the mask alone
        for block in backbone.blocks:
            x = block(x)
        return backbone.pool(x, bias)
    for block in backbone.blocks[:-1]:
        q, k, v = block.qkv(block.norm1(x))
        mixed = attn.attention(q, k, v)
        # a few rows again: cheaper than joining two parts. A register is hidden from the rest as the class token is, for
        # what it saw the class token would see in the next block
        mixed[:, :, :prefix] = attn.attention(q[:, :, :prefix], k, v, bias=bias)
        x = block.feed_forward(x + block.out(mixed))
    return backbone.project(_last_class_token(backbone, x, bias))[:, 0]


def _last_class_token(backbone: BlockBackbone, x: Tensor, bias: Tensor) -> Tensor:
    """The last block for the class token alone: nothing else of it is read."""
    block = backbone.blocks[-1]
    q, k, v = block.qkv(block.norm1(x), rows=1)
    return block.feed_forward(x[:, :1] + block.out(attn.attention(q, k, v, bias=bias)))

"""Patch embeddings by proxy attention: the encoder's values, mixed as the companion sees the picture."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.companion import Companion
from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tagalign.backbones.protocols import BlockBackbone, Grid, Pixels
from tagalign.backbones.stream import Stream
from tagalign.ops.proxy import proxy_attention


@dataclass(frozen=True, kw_only=True)
class ProxySwitches:
    """What the profiles of the mode differ in.

    Attributes:
        shifted_positions: positions of the encoder by the factor with 0.1, as released.
        whole_batch: one mean similarity for the batch, as released; else one per image.
    """

    shifted_positions: bool
    whole_batch: bool


PROFILES = {
    "released": ProxySwitches(shifted_positions=True, whole_batch=True),
    # section 3.2 has a mean per image and says nothing of positions
    "paper": ProxySwitches(shifted_positions=False, whole_batch=False),
    "fixed": ProxySwitches(shifted_positions=False, whole_batch=False),
}


def companion_pixels(
    pixels: Pixels, preprocessing: Preprocessing, grid: Grid, patch_size: int, companion: Companion
) -> Float[Tensor, "batch 3 own_height own_width"]:
    """The area that the encoder's patches cover, as the companion's input.

    Both grids must lie over the same pixels, or the maps slip. Where that area is no multiple of the companion's patch it
    is resized to the nearest one; the windows of 112 n pixels that fit patches of 14 and 16 never are.

    Args:
        pixels: normalised for the encoder.
        preprocessing: how.
        grid: of the encoder.
        patch_size: likewise.
        companion: whose patch counts.
    """
    area = (grid[0] * patch_size, grid[1] * patch_size)
    side = companion.patch_size
    wanted = (max(side, round(area[0] / side) * side), max(side, round(area[1] / side) * side))
    cut = pixels[:, :, : area[0], : area[1]]
    mean, std, own_mean, own_std = (
        torch.tensor(values, device=pixels.device).view(1, 3, 1, 1)
        for values in (preprocessing.mean, preprocessing.std, IMAGENET_MEAN, IMAGENET_STD)
    )
    turned = (cut * std + mean - own_mean) / own_std
    if wanted == area:
        return turned
    return F.interpolate(turned, size=wanted, mode="bilinear", antialias=True)


@torch.no_grad()
def proxy_rows(
    encoder: BlockBackbone,
    pixels: Pixels,
    features: Float[Tensor, "batch channels rows cols"],
    *,
    switches: ProxySwitches,
    beta: float,
    gamma: float,
) -> Float[Tensor, "batch patches width"]:
    """``out(P v)`` on the companion's grid, before the last layer norm: no residual, no feed-forward network, no class row.

    Args:
        encoder: whose last block gives the values.
        pixels: its input.
        features: of the companion, of the same area.
        switches: see ``PROFILES``.
        beta: see ``proxy_weights``.
        gamma: likewise.
    """
    x, grid = encoder.embed_patches(pixels, positions="offset" if switches.shifted_positions else None)
    last = Stream(encoder.blocks, x).last()
    values = last.block.value(last.normed)[:, :, encoder.num_prefix :]
    size = (features.shape[2], features.shape[3])
    heads = values.shape[1]
    maps = values.transpose(2, 3).flatten(1, 2).unflatten(2, grid)
    # values go to the companion's finer grid, as released; the weights are never brought to the coarser one
    laid = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
    values = laid.flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)
    mixed = proxy_attention(features, values, beta=beta, gamma=gamma, whole_batch=switches.whole_batch)
    return last.block.out(mixed)

"""Refinement of score maps by the colours of the image: PAMR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.refine import REFINEMENTS, RefinementEntry
from tagalign.ops.refinement import LabelMaps, RefinementInput
from tagalign.option_fields import check_count, option

PAMR_DILATIONS = (1, 2, 4, 8, 12, 24)
CHANNELS_TOGETHER = 8
RING = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


def pamr(
    image: Float[Tensor, "batch 3 height width"],
    masks: Float[Tensor, "batch channels rows cols"],
    *,
    num_iterations: int = 10,
    dilations: Sequence[int] = PAMR_DILATIONS,
) -> Float[Tensor, "batch channels height width"]:
    """Pixel-adaptive mask refinement: every pixel becomes a mean of its neighbours, weighted by colour likeness.

    ``m_p <- sum_q softmax_q(-mean_c |x_p - x_q| / (1e-8 + 0.1 std_p)) m_q`` over the 8 ring pixels q at each dilation,
    with replicate padding; ``std`` is per channel and unbiased over ring and centre of all dilations.

    Args:
        image: the guide; any range (the weights do not depend on its scale).
        masks: scores in any range; resized to the guide first (bilinear, ``align_corners=True``).
        num_iterations: 0 gives the resized masks.
        dilations: distances of the rings in pixels.

    Reference:
        Araslanov and Roth, Single-Stage Semantic Segmentation, CVPR 2020, section 3.3, as TCL uses it.
        Memory holds one weight per neighbour and pixel, and never ``neighbours x channels`` maps.
    """
    if masks.shape[2:] != image.shape[2:]:
        masks = F.interpolate(masks, size=image.shape[2:], mode="bilinear", align_corners=True)
    weights = _colour_weights(image, dilations)
    # maps do not meet, so few at a time give the same bits, and stay in the processor's cache from step to step
    return torch.cat(
        [_mixed(part, weights, num_iterations, dilations) for part in masks.split(CHANNELS_TOGETHER, dim=1)],
        dim=1,
    )


def _shifted(x: Tensor, dilation: int) -> list[Tensor]:
    """The 8 ring neighbours of every pixel, with replicate padding."""
    height, width = x.shape[2:]
    padded = F.pad(x, (dilation,) * 4, mode="replicate")
    starts = [((1 + dy) * dilation, (1 + dx) * dilation) for dy, dx in RING]
    return [padded[:, :, top : top + height, left : left + width] for top, left in starts]


def _colour_weights(image: Tensor, dilations: Sequence[int]) -> Tensor:
    """``(batch, neighbours, height, width)``, summing to 1 over neighbours."""
    neighbours = torch.stack([n for d in dilations for n in _shifted(image, d)], dim=1)
    # the centre once per dilation: it weighs in the deviation as often as each neighbour does
    samples = torch.cat([neighbours, image[:, None].expand(-1, len(dilations), -1, -1, -1)], dim=1)
    std = samples.std(dim=1, unbiased=True)
    likeness = -((image[:, None] - neighbours).abs() / (1e-8 + 0.1 * std[:, None])).mean(dim=2)
    return likeness.softmax(dim=1)


def _mixed(masks: Tensor, weights: Tensor, num_iterations: int, dilations: Sequence[int]) -> Tensor:
    for _ in range(num_iterations):
        masks = _mix(masks, weights, dilations)
    return masks


def _mix(masks: Tensor, weights: Tensor, dilations: Sequence[int]) -> Tensor:
    mixed = torch.zeros_like(masks)
    neighbour = 0
    for dilation in dilations:
        for shifted in _shifted(masks, dilation):
            mixed.addcmul_(shifted, weights[:, neighbour : neighbour + 1])
            neighbour += 1
    return mixed


@dataclass(frozen=True, kw_only=True)
class Pamr:
    """``pamr`` on the colours of the photo, at the working size: it holds 48 weights per pixel."""

    steps: int = option(10, "iterations, from 1", source="TCL's call")

    def __post_init__(self) -> None:
        check_count("steps", self.steps)

    def __call__(self, scene: RefinementInput) -> LabelMaps:
        """See ``Refinement``."""
        maps = scene.maps(scene.work_size)
        colours = torch.from_numpy(np.array(scene.photo(scene.work_size)))
        guide = colours.permute(2, 0, 1)[None].to(maps)
        return pamr(guide, maps[None], num_iterations=self.steps)[0]


REFINEMENTS.add(
    "pamr",
    RefinementEntry(
        kind=Pamr,
        summary="every pixel becomes a mean of its neighbours, weighted by colour likeness",
        source="Araslanov and Roth, arXiv:2005.08104",
    ),
)

"""What a trained head starts from: the family's own head, as a layer norm and one matrix."""

import torch
from torch import Tensor

from tagalign.backbones.protocols import LinearHead
from tagalign.backbones.towers.pooling import PoolingHead
from tagalign.backbones.towers.vision import VisionTower

SAMPLES_PER_WIDTH = 4
"""Rows that the fit of a curved head looks at, per dimension: enough that twice as many move it by a hundredth."""


def linear_head(vision: VisionTower) -> LinearHead:
    """The head of a tower: its projection, the identity where there is none, or the fit of a pooling head."""
    norm = vision.post_norm
    if isinstance(vision.head, PoolingHead):
        return fitted(vision.head, norm.weight, norm.bias)
    projection = torch.eye(len(norm.weight)).to(norm.weight) if vision.head is None else vision.head.weight
    return LinearHead(norm_weight=norm.weight, norm_bias=norm.bias, projection=projection)


@torch.no_grad()
def fitted(head: PoolingHead, weight: Tensor, bias: Tensor) -> LinearHead:
    """The best linear head for rows of unit variance: SigLIP's own is curved, and a projector ends in one matrix.

    The last layer norm gives every row mean 0 and variance 1 before its weight and bias. Seeded normal rows of that kind go
    through weight, bias and head; least squares of the outcome is the matrix, its constant goes into the norm's bias.

    Args:
        head: SigLIP's pooling head.
        weight: of the last layer norm.
        bias: likewise.
    """
    width = len(weight)
    rows = torch.randn(SAMPLES_PER_WIDTH * width, width, generator=torch.Generator().manual_seed(0))
    rows = torch.nn.functional.layer_norm(rows, (width,))
    wanted = head(rows.to(weight) * weight + bias).float().cpu()
    constant = wanted.mean(dim=0)
    # standardised rows sum to 0, so one direction is free: the driver that takes the shortest solution
    projection = torch.linalg.lstsq(rows, wanted - constant, driver="gelsd").solution.T
    shift = torch.linalg.lstsq(projection, constant[:, None], driver="gelsd").solution[:, 0]
    return LinearHead(
        norm_weight=torch.ones_like(weight), norm_bias=shift.to(weight), projection=projection.to(weight)
    )

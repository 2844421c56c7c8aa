"""What a trained head starts from: the family's own head, as a layer norm and one matrix."""

import torch

from tagalign.backbones.protocols import LinearHead
from tagalign.backbones.towers.vision import VisionTower


def linear_head(vision: VisionTower) -> LinearHead:
    """The head of a tower: its projection, or the identity where rows are in the joint space already."""
    norm = vision.post_norm
    projection = torch.eye(len(norm.weight)).to(norm.weight) if vision.head is None else vision.head.weight
    return LinearHead(norm_weight=norm.weight, norm_bias=norm.bias, projection=projection)

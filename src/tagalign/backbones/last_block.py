"""The weights of an encoder's last block as ``ops.cam`` wants them for its closed-form gradient: themselves, not copies."""

from typing import Any

import torch

from tagalign.backbones.towers.layers import Mlp
from tagalign.backbones.towers.vision import VisionTower
from tagalign.ops.cam import ACTIVATIONS, Affine, LastBlock, Norm


def last_block(vision: VisionTower) -> LastBlock | None:
    """None where the closed form does not hold: another MLP or activation, other rows before the patches, no linear head."""
    block: Any = vision.blocks[-1]
    shape = vision.shape
    plain = isinstance(block.mlp, Mlp) and block.mlp.activation in ACTIVATIONS and not shape.layer_scale
    if not plain or shape.num_prefix != 1 or shape.head == "pool":
        return None
    width = vision.post_norm.weight
    return LastBlock(
        num_heads=block.num_heads,
        query=_affine(block.q),
        key=_affine(block.k),
        value=_affine(block.v),
        out=_affine(block.o),
        norm2=_norm(block.norm2),
        fc1=_affine(block.mlp.fc1),
        fc2=_affine(block.mlp.fc2),
        activation=block.mlp.activation,
        post_norm=_norm(vision.post_norm),
        projection=torch.eye(len(width)).to(width) if vision.head is None else vision.head.weight,
    )


def _affine(linear: Any) -> Affine:
    return Affine(weight=linear.weight, bias=linear.bias)


def _norm(norm: Any) -> Norm:
    return Norm(weight=norm.weight, bias=norm.bias, eps=norm.eps)

"""The weights of the last block make its own output by the formula that ``ops.cam`` derives; other blocks have none."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from tagalign.backbones.last_block import last_block
from tagalign.backbones.towers.shapes import VisionShape
from tagalign.backbones.towers.vision import VisionTower

SHAPE = VisionShape(
    width=12,
    layers=2,
    heads=3,
    hidden=20,
    patch_size=8,
    image_size=16,
    dim=5,
    activation="quick_gelu",
    eps=1e-5,
)


def tower(**other):
    made = VisionTower(replace(SHAPE, **other))
    draw = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=draw)
    return made.requires_grad_(False)


def linear(x, affine):
    return x @ affine.weight.T + affine.bias


def normed(x, norm):
    return F.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias, norm.eps)


def test_its_weights_make_the_blocks_output():
    vision = tower()
    found, block = last_block(vision), vision.blocks[-1]
    x = torch.randn(1, 5, 12, generator=torch.Generator().manual_seed(1))
    y = normed(x[0], block.norm1)
    q, k, v = (
        linear(y, part).reshape(5, 3, 4).transpose(0, 1) for part in (found.query, found.key, found.value)
    )
    seen = ((q @ k.transpose(1, 2) / 2.0).softmax(dim=-1) @ v).transpose(0, 1).reshape(5, 12)
    x1 = x[0] + linear(seen, found.out)
    hidden = linear(normed(x1, found.norm2), found.fc1)
    wanted = x1 + linear(hidden * torch.sigmoid(1.702 * hidden), found.fc2)
    torch.testing.assert_close(block(x)[0], wanted, rtol=1e-4, atol=1e-5)  # float32, sums in another order
    assert (found.num_heads, found.activation) == (3, "quick_gelu")
    torch.testing.assert_close(normed(wanted, found.post_norm), vision.post_norm(wanted))
    assert found.projection is vision.head.weight


def test_a_tower_without_a_head_projects_by_the_identity():
    assert torch.equal(last_block(tower(head="none")).projection, torch.eye(12))


@pytest.mark.parametrize(
    "other", [{"layer_scale": True}, {"gated": True}, {"num_prefix": 5}, {"head": "pool"}]
)
def test_where_the_formula_does_not_hold_there_is_none(other):
    assert last_block(tower(**other)) is None

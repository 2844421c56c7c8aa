"""A head as one matrix: the tower's own where it is one, else no other matrix fits better."""

import torch
import torch.nn.functional as F

from tagalign.backbones.linear_head import SAMPLES_PER_WIDTH, linear_head
from tagalign.backbones.towers.shapes import VisionShape
from tagalign.backbones.towers.vision import VisionTower


def tower(head):
    made = VisionTower(
        VisionShape(
            width=8, layers=1, heads=2, hidden=16, patch_size=8, image_size=16, dim=8, activation="gelu", eps=1e-5,
            num_prefix=0, head=head,
        )
    )  # fmt: skip
    draw = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=draw)
    return made.requires_grad_(False)


def test_a_linear_head_is_itself():
    vision = tower("linear")
    found = linear_head(vision)
    assert found.projection is vision.head.weight
    assert found.norm_weight is vision.post_norm.weight
    assert found.norm_bias is vision.post_norm.bias
    assert torch.equal(linear_head(tower("none")).projection, torch.eye(8))


def test_a_curved_head_has_its_best_matrix():
    vision = tower("pool")
    found = linear_head(vision)
    draw = torch.Generator().manual_seed(0)
    rows = F.layer_norm(torch.randn(SAMPLES_PER_WIDTH * 8, 8, generator=draw), (8,))
    wanted = vision.head(rows * vision.post_norm.weight + vision.post_norm.bias)

    def error(projection):
        return (((rows * found.norm_weight + found.norm_bias) @ projection.T - wanted) ** 2).sum()

    best = error(found.projection)
    for _ in range(20):
        moved = found.projection + 0.05 * torch.randn(8, 8, generator=draw)
        assert error(moved) > best
    # a matrix that knew nothing would leave the whole variance
    assert best < 0.5 * ((wanted - wanted.mean(dim=0)) ** 2).sum()

"""The prompted encoder: plain CLIP where nothing is added, laws for grids that have no reference, frozen stays frozen."""

import copy

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import ModelError
from tagalign.methods.trusty.prompts import DeepPrompts

# float32 through eight blocks: differences of a reordered sum, far below what a wrong row would move (1e-2)
TOL = dict(atol=2e-5, rtol=0)


@pytest.fixture
def prompts(backbone):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DeepPrompts(backbone.width, patch_size=8, depth=backbone.num_layers, num_prompts=3).eval()


def images(height, width, seed=0):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(seed))


def without_norm(prompts):
    prompts.norm = torch.nn.Identity()
    return prompts


def test_without_prompts_and_norm_it_is_plain_clip(backbone):
    bare = without_norm(DeepPrompts(backbone.width, patch_size=8, depth=8, num_prompts=0).eval())
    pixels = images(32, 32)
    with torch.no_grad():
        found = bare(backbone, pixels)
        plain = backbone.encode_dense(pixels, mode="clip")
        expected = F.normalize(backbone.project(plain.patches), dim=-1)
        cls = F.normalize(backbone.project(plain.cls), dim=-1)
    torch.testing.assert_close(found.patches.flatten(2).transpose(1, 2), expected, **TOL)
    torch.testing.assert_close(found.cls, cls, **TOL)


def test_everything_has_length_one(backbone, prompts):
    with torch.no_grad():
        found = prompts(backbone, images(40, 24))
    assert found.patches.shape == (2, backbone.embed_dim, 5, 3)
    torch.testing.assert_close(found.patches.norm(dim=1), torch.ones(2, 5, 3))
    torch.testing.assert_close(found.cls.norm(dim=1), torch.ones(2))


def test_a_transposed_encoder_sees_transposed_images_transposed(backbone, prompts):
    """Odd and rectangular grids have no reference; this law catches rows and columns that are mixed up."""
    turned = copy.deepcopy(backbone)
    side = backbone.preprocessing.image_size // backbone.patch_size
    with torch.no_grad():
        kernel = turned.vision.patches.weight
        kernel.copy_(kernel.transpose(2, 3).clone())
        positions = turned.vision.positions
        grid = positions[1:].unflatten(0, (side, side))
        positions[1:] = grid.transpose(0, 1).reshape(side * side, -1).clone()
        pixels = images(56, 24)
        found = prompts(turned, pixels.transpose(2, 3))
        expected = prompts(backbone, pixels)
    torch.testing.assert_close(found.patches, expected.patches.transpose(2, 3), **TOL)
    torch.testing.assert_close(found.cls, expected.cls, **TOL)
    assert not torch.allclose(
        expected.patches[:, :, :3, :3], expected.patches[:, :, :3, :3].transpose(2, 3), **TOL
    )


def test_pixels_that_fill_no_patch_change_nothing(backbone, prompts):
    pixels = images(45, 30)
    with torch.no_grad():
        assert torch.equal(
            prompts(backbone, pixels).patches, prompts(backbone, pixels[:, :, :40, :24]).patches
        )


def test_prompts_past_the_depth_are_not_there(backbone):
    shallow = DeepPrompts(backbone.width, patch_size=8, depth=2, num_prompts=3)
    assert shallow.rows(1, 4).shape == (4, 3, backbone.width)
    assert shallow.rows(2, 4).shape == (4, 0, backbone.width)


@pytest.mark.parametrize("block", range(8))
def test_the_prompts_of_every_block_act(backbone, prompts, block):
    pixels = images(32, 32)
    with torch.no_grad():
        before = prompts(backbone, pixels).patches
        prompts.tokens[block] += 1
        after = prompts(backbone, pixels).patches
    assert (after - before).abs().max() > 1e-4


def test_the_class_embedding_counts_as_often_as_it_is_added(backbone, prompts):
    pixels = images(32, 32)
    with torch.no_grad():
        once, twice = (prompts(backbone, pixels, class_embedding_times=n).cls for n in (1, 2))
    assert (once - twice).abs().max() > 1e-4


def test_gradients_reach_the_prompts_and_leave_the_encoder_alone(backbone, prompts):
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    features = prompts.train()(backbone, images(32, 32))
    (features.patches.sum() + features.cls.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in prompts.parameters())
    assert all(p.grad is None and not p.requires_grad for p in backbone.parameters())
    assert all(torch.equal(before[name], p) for name, p in backbone.named_parameters())
    assert not backbone.vision.training


def test_start_of_the_prompts_is_within_its_bound():
    prompts = DeepPrompts(768, patch_size=16, depth=12)
    bound = (6 / (3 * 16 * 16 + 768)) ** 0.5
    assert 0.99 * bound < prompts.tokens.abs().max() <= bound


def test_prompts_of_another_backbone_are_refused(backbone):
    with pytest.raises(ModelError, match="at most 8 blocks of width 32, got 9 of width 32"):
        DeepPrompts(32, patch_size=8, depth=9)(backbone, images(32, 32))
    with pytest.raises(ModelError, match="got 8 of width 48"):
        DeepPrompts(48, patch_size=8, depth=8)(backbone, images(32, 32))

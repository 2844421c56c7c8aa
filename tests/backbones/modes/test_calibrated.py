"""SC-CLIP, PEARL and RCS on odd encoders and odd images; their numbers are those of ``tests/parity``.

Holds ``backbones/modes/pearl.py``, ``backbones/modes/rcs/steps.py``, ``backbones/modes/scclip/steps.py``,
``backbones/mode_profiles.py``.
"""

import math

import pytest
import torch
from torch.nn import functional as F

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes.pearl import Pearl
from tagalign.backbones.modes.rcs import Rcs, residual_blocks
from tagalign.backbones.modes.scclip import ScClip, layers_of
from tagalign.errors import InputError
from tagalign.ops.attention import attention_probs
from tagalign.testing.encoder_folders import make_encoder_folder

# float32 through a few blocks in another order of operations
TOL = {"rtol": 1e-4, "atol": 2e-5}
MODES = [
    ScClip(),
    ScClip(profile="released"),
    ScClip(outliers="norm"),
    Pearl(),
    Pearl(profile="paper"),
    Rcs(),
    Rcs(profile="paper"),
    Rcs(base="sclip"),
]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """By number of blocks; of the family without a class row, and of the one with a register."""
    root = tmp_path_factory.mktemp("depths")
    made = {
        (kind, depth): make_encoder_folder(root / f"{kind}{depth}", kind, vision={"num_hidden_layers": depth})
        for kind, depth in (
            ("metaclip_2", 1),
            ("metaclip_2", 2),
            ("siglip", 3),
            ("tipsv2", 5),
            ("metaclip_2", 24),
        )
    }
    return {name: load_backbone(str(folder)) for name, folder in made.items()}


@pytest.mark.parametrize("mode", MODES, ids=repr)
@pytest.mark.parametrize("size", [(8, 8), (24, 40)])
def test_every_depth_and_family_and_tiny_grids(encoders, mode, size):
    pixels = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    for encoder in encoders.values():
        found = encoder.encode_dense(pixels, mode=mode)
        assert found.patches.isfinite().all()
        for i in range(2):
            alone = encoder.encode_dense(pixels[i : i + 1], mode=mode)
            torch.testing.assert_close(alone.patches[0], found.patches[i], **TOL)


@pytest.mark.parametrize("mode", [ScClip(), Pearl(), Rcs()], ids=repr)
def test_windows_are_joined_in_every_depth_and_family(encoders, mode):
    pixels = torch.randn(1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    for encoder in encoders.values():
        patch = encoder.patch_size
        whole = encoder.encode_dense(pixels, mode=mode)
        joined = encoder.encode_stitched(pixels, [(0, 0)], mode=mode)
        torch.testing.assert_close(joined.patches, whole.patches, **TOL)
        places = [(0, left) for left in range(0, whole.grid[1] - 1)]
        windows = torch.cat([pixels[:, :, :, left * patch : (left + 2) * patch] for _, left in places])
        found = encoder.encode_stitched(windows, places, mode=mode)
        assert found.grid == whole.grid
        assert found.patches.isfinite().all()


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_plain_pictures_give_no_nan(backbone, mode):
    for value in (0.0, 1.0):
        found = backbone.encode_dense(torch.full((1, 3, 64, 64), value), mode=mode)
        assert found.patches.isfinite().all()


def test_layers_are_the_published_ones_and_shares_of_other_depths():
    assert (layers_of(12).mid, layers_of(12).late, layers_of(12).multi) == (8, 3, (3, 9))
    assert (layers_of(24).mid, layers_of(24).late, layers_of(24).multi) == (16, 6, (8, 18))
    assert (layers_of(24).class_weight, layers_of(12).class_weight) == (0.1, 0.3)
    assert (layers_of(8).mid, layers_of(8).late, layers_of(8).multi) == (5, 2, (2, 6))
    assert list(residual_blocks(12)) == [5, 6, 7, 8]
    assert list(residual_blocks(24)) == list(range(10, 17))
    for depth in range(1, 40):
        for index in (
            layers_of(depth).mid,
            layers_of(depth).late,
            *layers_of(depth).multi,
            *residual_blocks(depth),
        ):
            assert 0 <= index <= max(depth - 2, 0)


def test_residual_attention_is_the_mixed_map(backbone):
    """Maps written out: the code sums outputs of fused attentions instead."""
    pixels = torch.randn(1, 3, 40, 24, generator=torch.Generator().manual_seed(1))
    x, (rows, cols) = backbone.embed_patches(pixels)
    maps = []
    for index, block in enumerate(backbone.blocks[:-1]):
        q, k, _ = block.qkv(block.norm1(x))
        if index in residual_blocks(len(backbone.blocks)):
            maps.append(attention_probs(q, k))
        x = block(x)
    block = backbone.blocks[-1]
    _, k, v = block.qkv(block.norm1(x))
    near = torch.zeros(1 + rows * cols, 1 + rows * cols)
    for i in range(rows * cols):
        for j in range(rows * cols):
            gap = (i // cols - j // cols) ** 2 + (i % cols - j % cols) ** 2
            near[1 + i, 1 + j] = math.exp(-gap / 50)
    base = (k @ k.transpose(2, 3) / math.sqrt(k.shape[-1]) + near).softmax(dim=-1)
    mixed = 2 * (0.6 * base + 0.4 * torch.stack(maps).mean(dim=0))
    found = backbone.encode_dense(pixels, mode=Rcs(residual_weight=0.4))
    torch.testing.assert_close(found.rows, block.out(mixed @ v), **TOL)


def test_the_gain_is_felt_through_the_bias_alone(backbone):
    pixels = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    bias = backbone.blocks[-1].out(
        torch.zeros_like(backbone.blocks[-1].value(torch.zeros(1, 1, backbone.width)))
    )
    one, three = (backbone.encode_dense(pixels, mode=Rcs(gain=gain)).patches for gain in (1.0, 3.0))
    torch.testing.assert_close(three - bias, 3 * (one - bias), **TOL)


def test_scclip_looks_alike_where_pictures_do(backbone):
    """Two halves of one colour each: patches of one half end up nearer to each other than with the plain mode."""
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 0.1
    pixels[..., :32] += 1.5
    pixels[..., 32:] -= 1.5
    spread = {}
    for mode in ("clip", "scclip"):
        rows = F.normalize(backbone.encode_dense(pixels, mode=mode).patches[0], dim=-1).unflatten(0, (8, 8))
        half = rows[:, :4].flatten(0, 1)
        spread[mode] = 1 - (half @ half.T).mean()
    assert spread["scclip"] < spread["clip"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pearl(key_weight=-1.0), "key_weight: expected a number from 0, got -1"),
        (lambda: Rcs(residual_weight=1.5), "residual_weight: expected a number from 0 to 1, got 1.5"),
        (lambda: Rcs(gain=0.0), "gain: expected a number above 0, got 0"),
        (lambda: Rcs(feedback_weight=0.5), "feedback_weight acts through the feedback, which is off"),
        (lambda: Rcs(feedback=True, feedback_gain=-1.0), "feedback_gain: expected a number above 0"),
        (
            lambda: Rcs(feedback=True, feedback_threshold=2.0),
            "feedback_threshold: expected a number from 0 to 1",
        ),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_profiles_end_in_their_values():
    assert (Pearl(profile="paper").factor, Pearl(profile="paper").key_weight) == ("svd", 0.0)
    assert (Pearl().factor, Pearl().key_weight, Pearl(key_weight=0.3).key_weight) == ("newton", 0.08, 0.3)
    assert (ScClip().outliers, ScClip(profile="released").outliers) == ("textbook", "released")
    assert (Rcs().gain, Rcs(profile="paper").gain) == (2.0, 1.0)
    assert Rcs(feedback=True).feedback_path == "component"
    assert Rcs(feedback=True, profile="released").feedback_path == "line"

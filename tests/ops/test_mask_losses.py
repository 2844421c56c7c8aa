"""Mask losses against plain loops, closed forms, and the values that the released code gives on zero logits.

Holds ``ops/focal.py``.
"""

import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError, UnknownNameError
from tagalign.ops import mask_losses
from tagalign.ops.focal import focal_loss
from tagalign.ops.mask_losses import (
    MaskLossForm,
    MaskLossWeights,
    _check_choice,
    count_masks,
    cross_entropy_loss,
    dice_loss,
    dice_maps,
    is_present,
    num_masks,
    one_hot_masks,
    pixel_mean,
    resize_logits,
    segmentation_losses,
)

# float64 sums of about a hundred terms
TIGHT = dict(rel=1e-12, abs=1e-12)


@pytest.fixture
def maps():
    """Two images, three classes, 4 x 5 pixels; class 2 of image 1 is absent."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) * 2
    targets = (torch.rand(2, 3, 4, 5, generator=generator) < 0.4).double()
    targets[1, 2] = 0
    return logits, targets


def flat(rows):
    return [value for row in rows for value in row]


def loop_focal(logits, targets, alpha, gamma):
    """One pixel at a time."""
    total = 0.0
    for image, truth in zip(logits.tolist(), targets.tolist(), strict=True):
        for rows, truths in zip(image, truth, strict=True):
            values = []
            for x, t in zip(flat(rows), flat(truths), strict=True):
                p = 1 / (1 + math.exp(-x))
                right = p if t else 1 - p
                values.append((alpha if t else 1 - alpha) * (1 - right) ** gamma * -math.log(right))
            total += sum(values) / len(values)
    return total


def loop_dice(logits, targets, smooth):
    total = 0.0
    for image, truth in zip(logits.tolist(), targets.tolist(), strict=True):
        for rows, truths in zip(image, truth, strict=True):
            p = [1 / (1 + math.exp(-x)) for x in flat(rows)]
            t = flat(truths)
            if any(t):
                overlap = sum(a * b for a, b in zip(p, t, strict=True))
                total += 1 - (2 * overlap + smooth) / (sum(p) + sum(t) + smooth)
    return total


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.7, 1.0), (0.5, 0.0)])
def test_focal_matches_a_loop(maps, alpha, gamma):
    found = focal_loss(*maps, alpha=alpha, gamma=gamma)
    assert found.item() == pytest.approx(loop_focal(*maps, alpha, gamma), **TIGHT)


@pytest.mark.parametrize("smooth", [1.0, 0.1])
def test_dice_matches_a_loop_and_leaves_absent_classes_out(maps, smooth):
    assert dice_loss(*maps, smooth=smooth).item() == pytest.approx(loop_dice(*maps, smooth), **TIGHT)


def test_focal_without_focus_and_balance_is_half_the_cross_entropy(maps):
    focal = focal_loss(*maps, alpha=0.5, gamma=0.0)
    assert focal.item() == pytest.approx(cross_entropy_loss(*maps).item() / 2, **TIGHT)


def test_gradients(maps):
    logits, targets = maps
    logits.requires_grad_()
    counted = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(1)) < 0.6
    for gamma in (2.0, 1.5, 0.0):
        assert torch.autograd.gradcheck(lambda x, g=gamma: focal_loss(x, targets, gamma=g), logits)
    assert torch.autograd.gradcheck(lambda x: 3 * focal_loss(x, targets, counted), logits)
    assert torch.autograd.gradcheck(lambda x: dice_loss(x, targets), logits)


@pytest.mark.parametrize("size", [(9, 11), (4, 13), (3, 2), (4, 5)])
def test_resize_is_bilinear_interpolation(maps, size):
    expected = F.interpolate(maps[0], size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(resize_logits(maps[0], size), expected, rtol=1e-12, atol=1e-12)


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[[[-1e4, 1e4]]]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([[[[1.0, 0.0]]]])) + dice_loss(logits, torch.ones(1, 1, 1, 2))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_pixels_that_do_not_count_change_nothing(maps):
    logits, targets = maps
    counted = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    counted[:, :, 2:] = False
    other = torch.where(counted, logits, logits + 3)
    for loss in (focal_loss, dice_loss, cross_entropy_loss):
        assert loss(other, targets, counted) == loss(logits, targets, counted)
    part = focal_loss(logits[:, :, :2], targets[:, :, :2])
    assert focal_loss(logits, targets, counted).item() == pytest.approx(part.item(), **TIGHT)


def test_a_map_without_counted_pixels_has_mean_zero():
    nothing = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    assert pixel_mean(torch.ones(1, 3, 2, 2), nothing).tolist() == [[0.0, 0.0, 0.0]]


def test_number_of_masks_counts_pairs_and_is_at_least_one(maps):
    assert num_masks(maps[1]) == 5
    assert num_masks(torch.zeros(2, 3, 4, 5)) == 1


def test_one_hot_masks_leave_other_ids_out():
    masks = one_hot_masks(torch.tensor([[[0, 2, 255, -1]]]), 3)
    assert masks[0, :, 0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def released_labels():
    """Rows 0-199 class 3, rows 200-299 class 7, a patch of class 17 (unseen), the rest ignored."""
    labels = torch.full((1, 512, 512), 255)
    labels[:, :200], labels[:, 200:300], labels[:, 300:400, :256] = 3, 7, 17
    return labels


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # published implementation, zero logits, 15 seen classes
        (released_labels(), {"mask": 18.9871, "dice": 0.6402, "trusty": 0.6075}),
        (torch.full((1, 512, 512), 255), {"mask": 38.9895, "dice": 0.0, "trusty": 1.2997}),
    ],
)
def test_values_of_the_release_on_zero_logits(labels, expected):
    masked = torch.where(labels < 15, labels, 255)
    losses = segmentation_losses(
        torch.zeros(1, 15, 512, 512), torch.zeros(1, 1, 512, 512), masked, labels == 17
    )
    # four digits were printed
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(expected, abs=5e-5)


@pytest.fixture
def batch():
    """Logits of three classes on half the size, labels with ignored pixels, a trusty target."""
    generator = torch.Generator().manual_seed(1)
    classes = torch.randn(2, 3, 3, 4, generator=generator)
    trusty = torch.randn(2, 1, 3, 4, generator=generator)
    labels = torch.randint(0, 3, (2, 6, 8), generator=generator)
    labels[:, :2] = 255
    return classes, trusty, labels, labels == 255


def test_weights_act_alone(batch):
    ones = segmentation_losses(*batch, weights=MaskLossWeights(mask=1.0, dice=1.0, trusty=1.0, cls=1.0))
    some = segmentation_losses(*batch, weights=MaskLossWeights(mask=3.0, dice=5.0, trusty=7.0))
    assert some.keys() == {"mask", "dice", "trusty"}
    for name, weight in {"mask": 3, "dice": 5, "trusty": 7}.items():
        # one multiplication in float32
        assert some[name].item() == pytest.approx(weight * ones[name].item(), rel=1e-6)


def test_masked_leaves_ignored_pixels_out_and_released_does_not(batch):
    classes, _, labels, _ = batch
    full = resize_logits(classes, (6, 8))
    changed = full.clone()
    changed[:, :, :2] += 2
    for ignored, same in {"masked": True, "released": False}.items():
        losses = [
            segmentation_losses(
                x, None, labels, weights=MaskLossWeights(cls=1.0), form=MaskLossForm(ignored=ignored)
            )
            for x in (full, changed)
        ]
        assert [losses[0][k].item() == losses[1][k].item() for k in ("mask", "dice", "cls")] == [same] * 3


def test_trusty_dice_is_as_printed(batch):
    classes, trusty, labels, target = batch
    found = segmentation_losses(classes, trusty, labels, target, form=MaskLossForm(trusty_loss="dice"))[
        "trusty"
    ]
    # Eq. 9 and 10: M_A and G_A are 1 on seen pixels
    seen_map = 1 - resize_logits(trusty, (6, 8)).sigmoid()
    seen = (~target)[:, None].float()
    overlap, both = (seen_map * seen).sum((2, 3)), (seen_map + seen).sum((2, 3))
    expected = 10 * (1 - (2 * overlap + 1) / (both + 1)).mean()
    # float32 sums of 48 pixels
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_uncounted_pixels_of_the_trusty_map_have_no_gradient(batch):
    classes, trusty, labels, target = batch
    full = resize_logits(trusty, (6, 8)).requires_grad_()
    counted = labels != 255
    classes = resize_logits(classes, (6, 8))
    segmentation_losses(classes, full, labels, target, trusty_counted=counted)["trusty"].backward()
    assert full.grad[~counted[:, None]].abs().max() == 0
    assert full.grad[counted[:, None]].abs().max() > 0


def test_refusals(batch):
    classes, trusty, labels, _ = batch
    with pytest.raises(InputError, match="needs a trusty target"):
        segmentation_losses(classes, trusty, labels)
    with pytest.raises(UnknownNameError, match="'tversky'"):
        _check_choice("trusty loss", "tversky", ("focal", "dice"))
    with pytest.raises(InputError, match="got 0 x 4"):
        resize_logits(classes, (0, 4))


def test_dice_of_a_perfect_mask_is_almost_zero():
    targets = torch.ones(1, 1, 8, 8)
    assert dice_maps(torch.full((1, 1, 8, 8), 40.0), targets).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("ignored", ["released", "masked"])
def test_many_classes_piece_by_piece_have_the_losses_and_gradients_of_all_at_once(monkeypatch, ignored):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 9, (2, 6, 8), generator=generator)  # 8 is no class
    labels[labels == 8] = 255
    weights, form = MaskLossWeights(cls=2.0), MaskLossForm(ignored=ignored)
    found = []
    for numbers in (10**9, 3 * labels.numel(), 1):
        monkeypatch.setattr(mask_losses, "MAP_NUMBERS", numbers)
        logits = torch.randn(2, 8, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        losses = segmentation_losses(logits.requires_grad_(True), None, labels, weights=weights, form=form)
        (gradient,) = torch.autograd.grad(sum(losses.values()), logits)
        found.append((losses, gradient))
    for losses, gradient in found[1:]:
        for name, value in found[0][0].items():
            assert losses[name].item() == pytest.approx(value.item(), rel=1e-6)  # targets are float32
        torch.testing.assert_close(gradient, found[0][1], rtol=1e-5, atol=1e-7)


def test_masks_are_counted_without_maps(maps):
    labels = torch.tensor([[[0, 0, 2], [255, -1, 2]], [[1, 1, 1], [1, 1, 7]]])
    for num_classes in (2, 3, 8):
        expected = int(is_present(one_hot_masks(labels, num_classes)).sum())
        assert count_masks(labels, num_classes) == expected

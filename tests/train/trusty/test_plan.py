"""The plan of a run: which losses its profile trains, and that a checkpoint names them."""

import dataclasses
import math

import pytest
import torch

from tagalign.cli.verbs.train.trusty.plan import make_plan
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings
from tagalign.ops.mask_losses import MaskLossForm, MaskLossWeights, segmentation_losses
from tagalign.train.trusty.plan import TrustyPlan


@pytest.mark.parametrize(("profile", "weight"), [("paper", 1.0), ("released", 0.0), ("fixed", 0.0)])
def test_eq_11_has_its_classification_loss_in_the_papers_profile(profile, weight):
    plan = TrustyPlan(profile=profile)
    assert plan.loss_weights == MaskLossWeights(mask=20.0, dice=1.0, trusty=10.0, cls=weight)
    asked = TrainTrustySettings(data="tiny-world", profile=profile)
    assert make_plan(asked, default_crop=16).loss_weights == plan.loss_weights
    for own in (0.0, 0.5):
        asked = dataclasses.replace(asked, cls_weight=own)
        assert make_plan(asked, default_crop=16).loss_weights.cls == own


def test_a_checkpoint_of_before_the_choice_is_still_the_same_run():
    """Its fingerprint held the weights themselves."""
    assert TrustyPlan().facts("fp32")["weights"] == dataclasses.asdict(MaskLossWeights())
    assert TrustyPlan(weights=MaskLossWeights()).facts("fp32") == TrustyPlan().facts("fp32")
    assert TrustyPlan(profile="paper").facts("fp32")["weights"]["cls"] == 1.0


def test_the_four_terms_of_eq_11_add_up_to_a_plain_loop():
    """Two names on 1 x 2 pixels: L_cls is the pixel mean of the cross-entropy, summed over names, per mask."""
    logits = torch.tensor([[[[0.5, -1.0]], [[2.0, 0.25]]]], dtype=torch.float64)
    trusty = torch.tensor([[[[-0.75, 1.5]]]], dtype=torch.float64)
    labels, is_new = torch.tensor([[[0, 255]]]), torch.tensor([[[False, True]]])
    found = segmentation_losses(
        logits, trusty, labels, is_new,
        weights=TrustyPlan(profile="paper").loss_weights, form=MaskLossForm(trusty_loss="dice"),
    )  # fmt: skip
    masks = [
        (x, t)
        for row, truth in (((0.5, -1.0), (1, 0)), ((2.0, 0.25), (0, 0)))
        for x, t in zip(row, truth, strict=True)
    ]
    probs = [(1 / (1 + math.exp(-x)), t) for x, t in masks]
    cls = sum(-math.log(p if t else 1 - p) for p, t in probs) / 2
    focal = (
        sum(
            (0.25 if t else 0.75) * ((1 - p) if t else p) ** 2 * -math.log(p if t else 1 - p)
            for p, t in probs
        )
        / 2
    )
    own = probs[:2]
    dice = 1 - (2 * own[0][0] + 1) / (own[0][0] + own[1][0] + 1 + 1)
    seen = [1 / (1 + math.exp(x)) for x in (-0.75, 1.5)]
    sure = 1 - (2 * seen[0] + 1) / (sum(seen) + 1 + 1)
    expected = {"mask": 20 * focal, "dice": dice, "cls": cls, "trusty": 10 * sure}
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, rel=1e-6)

"""Tag2Text's losses against plain loops, known values and gradients."""

import math

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops.tag2text_losses import (
    asymmetric_sum_loss,
    caption_targets,
    hard_negative_probs,
    language_model_loss,
    matching_loss,
    rescaled_total,
)

# float64 sums of some tens of terms: 1e-12 leaves digits of slack and still sees a wrong term
TOL = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def tags():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 6, generator=g, dtype=torch.float64) * 3
    return logits, torch.rand(4, 6, generator=g) > 0.6


def loop_asymmetric(logits, targets, gamma_negative, clip):
    total = 0.0
    for row, present in zip(logits.tolist(), targets.tolist(), strict=True):
        for x, y in zip(row, present, strict=True):
            p = 1 / (1 + math.exp(-x))
            if y:
                total -= math.log(max(p, 1e-8))
            else:
                q = min(1 - p + clip, 1.0)
                total -= (1 - q) ** gamma_negative * math.log(q)
    return total


@pytest.mark.parametrize(("gamma", "clip"), [(7.0, 0.05), (4.0, 0.0), (0.0, 0.05)])
def test_asymmetric_sum_matches_a_loop(tags, gamma, clip):
    actual = asymmetric_sum_loss(*tags, gamma_negative=gamma, clip=clip)
    assert actual.item() == pytest.approx(loop_asymmetric(*tags, gamma, clip), rel=1e-12)


def test_without_gamma_and_clip_it_is_binary_cross_entropy(tags):
    logits, targets = tags
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.double(), reduction="sum")
    actual = asymmetric_sum_loss(logits, targets, gamma_negative=0.0, clip=0.0)
    torch.testing.assert_close(actual, expected, **TOL)


def test_no_gradient_flows_through_the_weight(tags):
    logits, targets = tags
    logits = logits.clone().requires_grad_()
    asymmetric_sum_loss(logits, targets).backward()
    p = logits.detach().sigmoid()
    q = (1 - p + 0.05).clamp(max=1)
    slope = p * (1 - p) / q * (1 - q) ** 7 * (q < 1)
    expected = torch.where(targets, p - 1, slope)
    torch.testing.assert_close(logits.grad, expected, rtol=1e-9, atol=1e-12)


def test_the_loss_is_a_sum_over_images(tags):
    logits, targets = tags
    parts = [asymmetric_sum_loss(x[None], y[None]) for x, y in zip(logits, targets, strict=True)]
    torch.testing.assert_close(asymmetric_sum_loss(logits, targets), sum(parts), **TOL)


def test_language_loss_matches_a_loop():
    g = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 5, 7, generator=g, dtype=torch.float64)
    targets = torch.tensor([[-100, 1, 2, 3, -100], [-100, -100, 6, 0, 4]])
    terms = []
    for row, ids in zip(logits, targets, strict=True):
        for i in range(4):
            if ids[i + 1] != -100:
                log_p = row[i] - row[i].exp().sum().log()
                terms.append(-(0.9 * log_p[ids[i + 1]] + 0.1 * log_p.mean()))
    actual = language_model_loss(logits, targets)
    torch.testing.assert_close(actual, torch.stack(terms).mean(), **TOL)


def test_language_loss_without_targets_is_zero():
    logits = torch.randn(1, 3, 5, requires_grad=True)
    loss = language_model_loss(logits, torch.full((1, 3), -100))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_caption_targets_skip_prompt_and_padding():
    ids = torch.tensor([[9, 5, 6, 7, 3], [9, 5, 3, 0, 0]])
    targets = caption_targets(ids, ids != 0, skipped=2)
    assert targets.tolist() == [[-100, -100, 6, 7, 3], [-100, -100, 3, -100, -100]]


def test_rescaled_total_is_twice_the_language_loss_with_the_tagging_gradient_rescaled():
    language = torch.tensor(3.0, requires_grad=True)
    tagging = torch.tensor(600.0, requires_grad=True)
    total = rescaled_total(language, tagging)
    total.backward()
    assert total.item() == pytest.approx(6.0)
    assert language.grad.item() == 1.0
    assert tagging.grad.item() == pytest.approx(3 / 600)


def test_rescaled_total_of_no_tagging_loss_is_finite():
    assert rescaled_total(torch.tensor(3.0), torch.tensor(0.0)).item() == 3.0


def test_hard_negatives_prefer_similar_ones_and_never_match():
    logits = torch.tensor([[9.0, 2.0, 1.0], [0.0, 9.0, 5.0], [1.0, 1.0, 9.0]])
    same = torch.eye(3, dtype=torch.bool)
    probs = hard_negative_probs(logits, same)
    assert probs.diagonal().tolist() == [0, 0, 0]
    e = math.exp(1.0)
    assert probs[0].tolist() == pytest.approx([0, e / (1 + e), 1 / (1 + e)])
    assert probs[1, 2] > probs[1, 0]
    assert probs[2].tolist() == pytest.approx([0.5, 0.5, 0])


def test_a_row_that_matches_everything_still_has_a_negative():
    probs = hard_negative_probs(torch.zeros(3, 3), torch.ones(3, 3, dtype=torch.bool))
    assert probs.tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def test_one_pair_has_no_negative():
    with pytest.raises(InputError, match="at least 2 pairs in a batch to find a negative, got 1"):
        hard_negative_probs(torch.zeros(1, 1), torch.eye(1, dtype=torch.bool))


def test_matching_loss_is_log_two_when_undecided():
    assert matching_loss(torch.zeros(2, 2), torch.zeros(4, 2)).item() == pytest.approx(math.log(2))
    sure = matching_loss(torch.tensor([[-9.0, 9.0]]), torch.tensor([[9.0, -9.0]]))
    assert sure.item() < 1e-6

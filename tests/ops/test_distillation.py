"""Distillation from a tagger: a plain loop, the entropy as its floor, and the softmax tag loss as its special case."""

import math

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops.distillation import best_scores, distillation_loss
from tagalign.ops.losses import softmax_tag_loss
from tagalign.ops.tag_rows import TagRows


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, generator=generator, dtype=torch.float64)
    teacher = torch.rand(4, 7, generator=generator, dtype=torch.float64)
    teacher[2] = 0  # a photo on which the tagger is silent
    return logits, teacher


@pytest.mark.parametrize("top", [None, 1, 3, 50])
def test_the_loss_is_that_of_a_plain_loop(batch, top):
    logits, teacher = batch
    total = 0.0
    for row, scores in zip(logits.tolist(), teacher.tolist(), strict=True):
        best = sorted(range(7), key=lambda k: -scores[k])[: top or 7]
        mass = sum(scores[k] for k in best)
        norm = math.log(sum(map(math.exp, row)))
        total += -sum(scores[k] / mass * (row[k] - norm) for k in best) if mass else 0.0
    loss = distillation_loss(logits, best_scores(teacher, top=top))
    assert loss.item() == pytest.approx(total / 4, rel=1e-12)


def test_the_floor_is_the_entropy_of_the_teacher_where_the_gradient_is_zero(batch):
    shares = (batch[1][:2] / batch[1][:2].sum(dim=1, keepdim=True)).clone()
    logits = shares.log().requires_grad_(True)
    loss = distillation_loss(logits, shares)
    loss.backward()
    entropy = -(shares * shares.log()).sum(dim=1).mean()
    assert loss.item() == pytest.approx(entropy.item(), rel=1e-12)
    assert logits.grad.abs().max() < 1e-12
    assert distillation_loss(batch[0][:2], shares) > loss


def test_equal_scores_of_given_tags_are_the_softmax_tag_loss():
    """A tagger that is equally sure of its tags gives what TagAlign's softmax loss has for the same rows."""
    generator = torch.Generator().manual_seed(1)
    images, tags = torch.randn(3, 5, generator=generator), torch.randn(6, 5, generator=generator)
    rows = torch.tensor([[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 1]], dtype=torch.bool)
    unit = torch.nn.functional.normalize
    logits = 10.0 * unit(images, dim=1) @ unit(tags, dim=1).T
    found = distillation_loss(logits, 0.7 * rows.float())
    torch.testing.assert_close(found, softmax_tag_loss(images, tags, rows, logit_scale=10.0))


@pytest.mark.parametrize("chunk", [None, 2])
def test_weighted_tags_of_the_softmax_tag_loss_are_the_same_soft_targets(chunk):
    generator = torch.Generator().manual_seed(2)
    images, tags = torch.randn(3, 5, generator=generator), torch.randn(6, 5, generator=generator)
    teacher = torch.rand(3, 6, generator=generator)
    teacher[1] = 0
    unit = torch.nn.functional.normalize
    expected = distillation_loss(10.0 * unit(images, dim=1) @ unit(tags, dim=1).T, teacher)
    found = softmax_tag_loss(images, tags, best_scores(teacher), logit_scale=10.0, chunk=chunk)
    torch.testing.assert_close(found, expected)


def test_weights_travel_with_their_tags():
    rows = TagRows(
        images=torch.tensor([0, 0, 1]),
        tags=torch.tensor([1, 4, 3]),
        num_images=2,
        weights=torch.tensor([1.0, 3.0, 0.5]),
    )
    assert rows.shares().tolist() == [0.25, 0.75, 1.0]
    part = rows.between(3, 6).to("cpu")
    assert (part.tags.tolist(), part.shares().tolist()) == ([1, 0], [1.0, 1.0])
    assert part.weights.tolist() == [3.0, 0.5]


def test_refusals(batch):
    with pytest.raises(InputError, match="at least 0"):
        distillation_loss(batch[0], -batch[1])
    with pytest.raises(InputError, match="at least 1 tag, got 0"):
        best_scores(batch[1], top=0)

"""The contrastive loss with a teacher and a queue against its formula in loops, and against the loss within a batch."""

import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError
from tagalign.ops.losses import contrastive_loss
from tagalign.ops.momentum_contrast import PairEmbeds, momentum_contrastive_loss


def drawn(rows, seed):
    g = torch.Generator().manual_seed(seed)
    return PairEmbeds(
        *(F.normalize(torch.randn(rows, 4, generator=g, dtype=torch.float64), dim=-1) for _ in range(2))
    )


def softmax(values):
    parts = [math.exp(v) for v in values]
    return [p / sum(parts) for p in parts]


def dots(row, keys, scale):
    return [scale * sum(a * b for a, b in zip(row, key, strict=True)) for key in keys.tolist()]


def loop(own, teachers, keys, scale, share, offset):
    total = 0.0
    for queries, taught, others in (
        (own.images, teachers.images, keys.texts),
        (own.texts, teachers.texts, keys.images),
    ):
        for n, (query, teacher) in enumerate(zip(queries.tolist(), taught.tolist(), strict=True)):
            soft, found = softmax(dots(teacher, others, scale)), softmax(dots(query, others, scale))
            wanted = [share * s + (1 - share) * (k == n + offset) for k, s in enumerate(soft)]
            total -= sum(q * math.log(p) for q, p in zip(wanted, found, strict=True)) / len(queries) / 2
    return total


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("offset", [0, 3])
def test_the_loss_is_its_formula(share, offset):
    own, teachers, keys = drawn(3, 0), drawn(3, 1), drawn(9, 2)
    found = momentum_contrastive_loss(own, teachers, keys, logit_scale=7.0, soft_targets=share, offset=offset)
    assert found.item() == pytest.approx(loop(own, teachers, keys, 7.0, share, offset), abs=1e-10)


def test_without_queue_and_softness_it_is_the_loss_within_the_batch():
    own = drawn(5, 0)
    found = momentum_contrastive_loss(own, own, own, logit_scale=10.0, soft_targets=0.0)
    plain = contrastive_loss(own.images, own.texts, logit_scale=10.0)
    assert found.item() == pytest.approx(plain.item(), abs=1e-12)


def test_targets_carry_no_gradient_of_the_temperature():
    own, teachers, keys = drawn(3, 0), drawn(3, 1), drawn(5, 2)
    scale = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    momentum_contrastive_loss(own, teachers, keys, logit_scale=scale, soft_targets=1.0).backward()
    step = 1e-6

    def fixed(value):
        """Targets stay those of a scale of 5."""
        total = 0.0
        for queries, taught, others in (
            (own.images, teachers.images, keys.texts),
            (own.texts, teachers.texts, keys.images),
        ):
            targets = (5.0 * taught @ others.T).softmax(-1)
            total -= (targets * (value * queries @ others.T).log_softmax(-1)).sum(-1).mean() / 2
        return total

    slope = (fixed(5.0 + step) - fixed(5.0 - step)) / (2 * step)
    assert scale.grad.item() == pytest.approx(float(slope), rel=1e-5)


def test_a_temperature_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="must be positive"):
        momentum_contrastive_loss(drawn(2, 0), drawn(2, 0), drawn(2, 0), logit_scale=0.0, soft_targets=0.0)

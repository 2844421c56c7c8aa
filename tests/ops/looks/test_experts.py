"""FLOSS's experts against loops; one expert at a time equals all at once."""

import math

import pytest
import torch

from tagalign.ops.looks import experts as module
from tagalign.ops.looks.experts import (
    TemplateSums,
    best_of_experts,
    choose_experts,
    expert_classifiers,
    fuse_experts,
    template_sums,
)
from tagalign.ops.windows import upsample

SCALE, LABELS, DIM = 100.0, 5, 8


@pytest.fixture
def text():
    return torch.randn(4, LABELS, DIM, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def patches():
    return torch.randn(4, 5, DIM, generator=torch.Generator().manual_seed(1))


def test_sums_are_those_of_a_loop():
    probs = torch.rand(3, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    probs = probs / probs.sum(dim=0)
    entropy, pixels = [0.0] * 3, [0] * 3
    for column in probs.T.tolist():
        label = column.index(max(column))
        entropy[label] -= sum(p * math.log(p + 1e-10) for p in column)
        pixels[label] += 1
    sums, counts = template_sums(probs)
    assert sums.tolist() == pytest.approx(entropy, rel=1e-12)
    assert counts.tolist() == pixels


def test_experts_are_the_surest_templates_with_enough_pixels():
    sums = TemplateSums(
        entropy=torch.tensor([[0.0, 3.0], [6.0, 40.0], [2.0, 100.0]], dtype=torch.float64),
        pixels=torch.tensor([[0, 1], [3, 50], [2, 100]]),
    )
    assert choose_experts(sums, top=2) == [(2, 1), (1, 2)]
    assert choose_experts(sums, top=2, least_pixels=50) == [(), (1, 2)]


def test_a_label_without_experts_gets_the_average(text):
    found = expert_classifiers(text, [(), (1,), (), (), ()], renormalise=True)
    assert torch.equal(found[0], found[-1])
    assert not torch.equal(found[1], found[-1])
    torch.testing.assert_close(found.norm(dim=2), torch.ones(LABELS + 1, LABELS))


def test_surest_claim_speaks_and_the_first_of_equals():
    claim_0, claim_1, average = [0.6, 0.4], [0.4, 0.6], [0.9, 0.1]
    nobody = [[0.1, 0.9], [0.8, 0.2], average]
    probs = torch.tensor([[claim_0, claim_1, average], nobody]).permute(1, 2, 0)[..., None]
    assert fuse_experts(probs)[..., 0].T.flatten().tolist() == pytest.approx([0.6, 0.4, 0.9, 0.1])


@pytest.mark.parametrize("budget", [1, 2**24])
def test_one_expert_at_a_time_equals_all_at_once(text, patches, monkeypatch, budget):
    monkeypatch.setattr(module, "BAND_NUMBERS", budget)
    classifiers = expert_classifiers(text, [(0,), (1, 2), (3,), (), (0, 1)], renormalise=True)
    unit = torch.nn.functional.normalize(patches, dim=-1)
    maps = torch.stack([upsample(torch.einsum("ld,rcd->lrc", w, unit), (13, 17)) for w in classifiers])
    wanted, labels = fuse_experts((SCALE * maps).softmax(dim=1)).max(dim=0)
    scores, found = best_of_experts(patches, classifiers, (13, 17), scale=SCALE)
    # the interpolation as two products instead of one kernel: float32 rounding of cosines, times 100
    torch.testing.assert_close(scores, wanted, rtol=0, atol=1e-4)
    assert torch.equal(found, labels)

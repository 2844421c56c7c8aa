"""Thresholds act, deleted tags stay out, and a calibration finds the best F1 of all thresholds."""

import itertools

import pytest
import torch

from tagalign.errors import InputError
from tagalign.methods.tag2text.tag_choice import TagChoice


def test_thresholds_are_strict_and_per_tag():
    choice = TagChoice.of(4, default=0.5, overrides={1: 0.9, 3: 0.1}, deleted=[2])
    logits = torch.tensor([[0.0, 2.0, 9.0, -2.0], [0.1, 3.0, 9.0, -3.0]])
    assert choice.chosen(logits).tolist() == [[False, False, False, True], [True, True, False, False]]


def test_a_lower_threshold_gives_more_tags():
    logits = torch.randn(50, 20, generator=torch.Generator().manual_seed(0))
    counts = [int(TagChoice.of(20, default=t).chosen(logits).sum()) for t in (0.9, 0.7, 0.5, 0.3, 0.0)]
    assert counts == sorted(counts)
    assert counts[-1] == 1000
    choice = TagChoice.of(20, default=0.9, deleted=[4])
    assert choice.with_default(0.0).chosen(logits).sum() == 950


def best_f1(probs, targets):
    """The best F1 of any threshold, by trying one between all neighbours."""
    values = sorted({0.0, 1.0, *probs})
    cuts = [(a + b) / 2 for a, b in itertools.pairwise(values)]
    best = 0.0
    for cut in cuts:
        hits = sum(p > cut and t for p, t in zip(probs, targets, strict=True))
        best = max(best, 2 * hits / max(sum(p > cut for p in probs) + sum(targets), 1))
    return best


def f1(chosen, targets):
    return 2 * int((chosen & targets).sum()) / int(chosen.sum() + targets.sum())


def test_calibration_reaches_the_best_f1():
    g = torch.Generator().manual_seed(3)
    probs = (torch.rand(60, 5, generator=g) * 20).round() / 20  # many ties
    targets = torch.rand(60, 5, generator=g) < probs
    choice = TagChoice.of(5).calibrated(probs, targets)
    for i in range(5):
        chosen = probs[:, i] > choice.thresholds[i]
        assert f1(chosen, targets[:, i]) == pytest.approx(
            best_f1(probs[:, i].tolist(), targets[:, i].tolist())
        )


def test_calibration_leaves_rare_tags_alone():
    probs = torch.rand(10, 2, generator=torch.Generator().manual_seed(1))
    targets = torch.zeros(10, 2, dtype=torch.bool)
    targets[:5, 0] = True
    targets[0, 1] = True
    choice = TagChoice.of(2, default=0.42).calibrated(probs, targets)
    assert choice.thresholds[1].item() == pytest.approx(0.42)
    assert choice.thresholds[0].item() != pytest.approx(0.42)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: TagChoice.of(3, default=1.2), "probability in .0, 1., got 1.2"),
        (
            lambda: TagChoice.of(3, overrides={3: 0.5}),
            r"tag index 3 is outside the list of 3 tags \(0 to 2\)",
        ),
        (lambda: TagChoice.of(3, deleted=[-1]), "tag index -1 is outside"),
        (lambda: TagChoice.of(3).chosen(torch.zeros(4)), "expected 3 tag logits, one per threshold, got 4"),
    ],
)
def test_refuses_what_cannot_be(call, match):
    with pytest.raises(InputError, match=match):
        call()

"""Against plain loops and numbers worked out by hand."""

import math
import statistics

import pytest
import torch

from tagalign.ops.doubt import (
    choice_margin,
    expected_errors,
    expected_errors_in_folder,
    label_entropy,
    pixel_disagreement,
    pixel_entropy,
    tag_disagreement,
)

SCORES = torch.tensor([0.9, 0.5, 0.2])


def marks(*chosen):
    return torch.tensor([i in chosen for i in range(3)])


@pytest.mark.parametrize(
    ("chosen", "expected"), [((0,), 0.4), ((0, 1), 0.3), ((), 0.0), ((0, 1, 2), 0.2), ((2,), -0.7)]
)
def test_margin_is_the_gap_at_the_threshold(chosen, expected):
    assert choice_margin(SCORES, marks(*chosen)) == pytest.approx(expected)


def test_entropy_is_that_of_the_shares():
    shares = [0.9 / 1.6, 0.5 / 1.6, 0.2 / 1.6]
    assert label_entropy(SCORES) == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert label_entropy(torch.zeros(4)) == pytest.approx(math.log(4))
    assert label_entropy(torch.tensor([0.0, 1.0])) == 0
    assert label_entropy(torch.zeros(0)) == 0


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def logit(value):
    return math.log(value / (1 - value))


def test_expected_errors_are_a_sum_over_labels_of_a_mean_over_answers():
    scores = torch.tensor([[0.9, 0.5, 0.2], [0.4, 0.6, 0.1]])
    cuts = torch.tensor([[0.5, 0.4, 0.5], [0.5, 0.5, 0.5]])
    chosen = [True, True, False]
    expected = sum(
        sum(
            sigmoid(-2 * (1 if chosen[t] else -1) * (logit(float(scores[a, t])) - logit(float(cuts[a, t]))))
            for a in range(2)
        )
        / 2
        for t in range(3)
    )
    # scores are float32
    assert expected_errors(scores, cuts, torch.tensor(chosen)) == pytest.approx(expected, abs=1e-5)


def test_a_label_at_its_threshold_counts_a_half_and_one_far_away_nothing():
    cut = torch.full((1, 2), 0.5)
    assert expected_errors(torch.tensor([[0.5, 1.0]]), cut, torch.tensor([True, True])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="sharpness"):
        expected_errors(cut, cut, torch.tensor([True, True]), sharpness=0.0)


def test_disagreement_counts_labels_and_shares_pixels():
    assert tag_disagreement(marks(0, 1), marks(1, 2)) == 2
    one, other = torch.tensor([[0, 1], [2, 2]]), torch.tensor([[0, 1], [2, 0]])
    assert pixel_disagreement(one, other) == 0.25
    assert pixel_disagreement(one[:0], other[:0]) == 0


def test_pixel_entropy_is_highest_at_a_half():
    assert pixel_entropy(torch.tensor([[0.5, 0.5]])) == pytest.approx(math.log(2))
    expected = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1)) / 2
    assert pixel_entropy(torch.tensor([[0.9, 1.0]])) == pytest.approx(expected)
    assert pixel_entropy(torch.tensor([[-0.5, 1.5]])) == 0
    assert pixel_entropy(torch.zeros(0, 3)) == 0


def test_errors_in_a_folder_are_those_of_a_loop():
    scores = torch.rand(2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
    chosen = scores[0] > 0.6
    chosen[:, 2] = False  # a label that no photo has
    found = expected_errors_in_folder(scores, chosen)
    for photo in range(7):
        expected = 0.0
        for label in range(3):
            margins = []
            for answer in range(2):
                x = [math.log(s / (1 - s)) for s in scores[answer, :, label].tolist()]
                count, down = int(chosen[:, label].sum()), sorted(x, reverse=True)
                cut = (down[max(count - 1, 0)] + down[min(count, 6)]) / 2
                margins.append((x[photo] - cut) / statistics.stdev(x))
            sign = 1 if chosen[photo, label] else -1
            expected += sigmoid(-2 * sign * sum(margins) / 2)
        assert float(found[photo]) == pytest.approx(expected, rel=1e-9)  # float64


def test_errors_in_a_folder_know_no_scale():
    """A second answer whose logits are stretched and moved, label by label, says the same; one alike everywhere, nothing."""
    first = torch.randn(9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    moved = first * torch.tensor([0.3, 2.0]) + torch.tensor([-1.0, 0.5])
    chosen = first > 0
    own = expected_errors_in_folder(first.sigmoid()[None], chosen)
    both = expected_errors_in_folder(torch.stack([first, moved]).sigmoid(), chosen)
    torch.testing.assert_close(both, own, rtol=1e-9, atol=0)
    flat = expected_errors_in_folder(torch.full((1, 9, 2), 0.5), chosen)
    torch.testing.assert_close(flat, torch.ones(9, dtype=torch.float64))  # two labels, half a chance each

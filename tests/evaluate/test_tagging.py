"""Tagging scores against scikit-learn, the released metric functions and values solved by hand."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from tagalign.evaluate.tagging import (
    average_precision,
    average_precisions,
    label_recall,
    mean_average_precision,
    precision_recall,
)

GOLDEN = Path(__file__).parents[1] / "parity/golden/tagclip/metrics"
EXACT = dict(rel=1e-12, abs=1e-12)  # a few float64 sums


def case(seed=0, images=60, labels=6, ties=False):
    generator = torch.Generator().manual_seed(seed)
    truth = (torch.rand(images, labels, generator=generator) < 0.3).to(torch.int64)
    scores = torch.rand(images, labels, generator=generator)
    return (scores.mul(8).round() / 8 if ties else scores), truth


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_equals_scikit_learn_also_with_ties(ties):
    scores, truth = case(ties=ties)
    expected = [average_precision_score(truth[:, k], scores[:, k]) for k in range(6)]
    assert average_precisions(scores, truth).tolist() == pytest.approx(expected, **EXACT)


def test_average_precision_by_hand():
    # ranks of the positives are 1 and 3: (1/1 + 2/3) / 2
    value = average_precision(torch.tensor([0.9, 0.8, 0.7, 0.1]), torch.tensor([1, 0, 1, 0]))
    assert value == pytest.approx((1 + 2 / 3) / 2, **EXACT)


def test_negative_scores_change_nothing():
    scores, truth = case()
    assert average_precisions(scores - 5, truth).tolist() == average_precisions(scores, truth).tolist()


def test_uncounted_images_equal_leaving_them_out():
    scores, truth = case()
    truth[:20, 0] = -1
    expected = average_precision_score(truth[20:, 0], scores[20:, 0])
    assert average_precision(scores[:, 0], truth[:, 0]) == pytest.approx(expected, **EXACT)


def test_both_conventions_for_a_label_without_positives():
    scores, truth = case()
    truth[:, 2] = 0
    precisions = average_precisions(scores, truth)
    assert math.isnan(precisions[2])
    kept = [p for k, p in enumerate(precisions.tolist()) if k != 2]
    assert mean_average_precision(precisions) == pytest.approx(sum(kept) / 5, **EXACT)
    assert mean_average_precision(precisions, empty="zero") == pytest.approx(sum(kept) / 6, **EXACT)


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_precision_and_recall_equal_scikit_learn(average):
    scores, truth = case()
    chosen = scores > 0.6
    chosen[:, 4] = False
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, chosen, average=average, zero_division=0
    )
    ours = precision_recall(chosen, truth, average=average)
    assert (ours.precision, ours.recall) == pytest.approx((precision, recall), **EXACT)
    # macro F1 is of the two means here, scikit-learn averages the F1 of the labels
    expected = f1 if average == "micro" else 2 * precision * recall / (precision + recall)
    assert ours.f1 == pytest.approx(expected, **EXACT)


def test_nothing_chosen_and_nothing_present_score_zero():
    nothing = torch.zeros(3, 2, dtype=torch.bool)
    ours = precision_recall(nothing, nothing.long(), average="micro")
    assert (ours.precision, ours.recall, ours.f1) == (0.0, 0.0, 0.0)


def test_label_recall_is_nan_without_positives():
    recall = label_recall(torch.tensor([[True, True], [False, False]]), torch.tensor([[1, 0], [1, 0]]))
    assert recall[0] == 0.5
    assert recall[1].isnan()


@pytest.mark.skipif(
    not GOLDEN.exists(), reason="the golden metrics of TagCLIP are not copied to tests/parity/golden"
)
def test_golden_values_of_the_released_functions():
    inputs, outputs = load_file(GOLDEN / "inputs.safetensors"), load_file(GOLDEN / "outputs.safetensors")
    truth = inputs["labels"].long()
    precisions = average_precisions(inputs["scores"], truth)
    # the released functions return float32
    torch.testing.assert_close(precisions.nan_to_num(0.0).float(), outputs["ap"].float(), rtol=0, atol=1e-6)
    assert mean_average_precision(precisions, empty="zero") == pytest.approx(
        float(outputs["map_official"]), abs=1e-6
    )
    assert mean_average_precision(precisions) == pytest.approx(float(outputs["map_nonempty"]), abs=1e-6)
    for threshold in ("0.1", "0.5"):
        low = inputs["scores"].min(1, keepdim=True).values
        high = inputs["scores"].max(1, keepdim=True).values
        ours = precision_recall(
            inputs["scores"] > low + float(threshold) * (high - low), truth, average="micro"
        )
        expected = outputs[f"f1_p_r_{threshold}"].tolist()
        assert [ours.f1, ours.precision, ours.recall] == pytest.approx(expected, abs=1e-6)

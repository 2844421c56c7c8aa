"""Bootstrap: intervals that cover, pairs that cancel what they share, statistics that equal their metrics.

Holds ``evaluate/statistics.py``.
"""

import numpy as np
import pytest
import torch

from tagalign.errors import InputError
from tagalign.evaluate.bootstrap import interval, paired_difference, resample
from tagalign.evaluate.score import confusion_of
from tagalign.evaluate.segmentation import Confusion, count_pixels
from tagalign.evaluate.statistics import map_statistic, miou_statistic, ratio_statistic
from tagalign.evaluate.tagging import average_precisions, mean_average_precision


def mean_of(values):
    table = np.asarray(values, dtype=np.float64)
    return lambda weights: weights @ table / weights.sum(1)


def test_interval_of_a_mean_has_the_width_of_the_normal_law():
    values = np.random.default_rng(0).normal(size=400)
    ends = interval(resample(mean_of(values), 400, resamples=2000))
    expected = 1.96 * values.std() / np.sqrt(400)
    # 2,000 drawings know the ends of the interval to about 5 %
    assert (ends.high - ends.low) / 2 == pytest.approx(expected, rel=0.1)
    assert ends.low < values.mean() < ends.high


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.arange(50)
    first = interval(resample(mean_of(values), 50, seed=1))
    assert first == interval(resample(mean_of(values), 50, seed=1))
    assert first != interval(resample(mean_of(values), 50, seed=2))


def test_pairs_see_a_small_difference_that_all_images_share():
    values = np.random.default_rng(0).normal(scale=10, size=100)
    found = paired_difference(mean_of(values), mean_of(values + 0.1), 100)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1), abs=1e-9)
    assert found.beyond_noise
    assert found.p == 1 / 1000


def test_pairs_call_noise_noise():
    rng = np.random.default_rng(1)
    found = paired_difference(mean_of(rng.normal(size=60)), mean_of(rng.normal(size=60)), 60)
    assert not found.beyond_noise
    assert found.p > 0.05


def test_a_result_does_not_differ_from_itself():
    found = paired_difference(mean_of([1, 2, 3]), mean_of([1, 2, 3]), 3)
    assert (found.value, found.low, found.high, found.p, found.beyond_noise) == (0.0, 0.0, 0.0, 1.0, False)


def test_no_images_are_refused():
    with pytest.raises(InputError, match="at least one image"):
        resample(mean_of([]), 0)


def segmentation_rows(images=5, classes=4):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(images):
        pair = torch.from_numpy(rng.integers(0, classes - 1, (2, 6, 7)))
        flat = count_pixels(pair[0], pair[1], classes).flatten()
        cells = flat.nonzero().flatten()
        rows.append({"i": i, "cells": torch.stack([cells, flat[cells]], 1).flatten().tolist()})
    return rows


def test_miou_statistic_equals_the_metric_also_for_repeated_and_absent_images():
    rows = segmentation_rows()
    weights = np.array([[1, 1, 1, 1, 1], [2, 0, 0, 3, 0]], dtype=np.float64)
    drawn = [rows, [rows[0]] * 2 + [rows[3]] * 3]
    expected = [100 * confusion_of(some, 4).miou() for some in drawn]
    # class 3 never occurs and is left out of both means
    assert miou_statistic(rows, 4)(weights).tolist() == pytest.approx(expected, rel=1e-12)


def test_rows_hold_the_whole_confusion_matrix():
    rows, confusion = segmentation_rows(), Confusion(4)
    rng = np.random.default_rng(0)
    for _ in rows:
        pair = torch.from_numpy(rng.integers(0, 3, (2, 6, 7)))
        confusion.update(pair[0], pair[1])
    assert torch.equal(confusion_of(rows, 4).matrix, confusion.matrix)


def test_map_statistic_equals_the_metric_also_for_repeated_images_and_ties():
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(12, 3, generator=generator).mul(4).round().double()
    truth = (torch.rand(12, 3, generator=generator) < 0.4).long()
    truth[0, 0] = -1
    weights = np.ones((2, 12))
    weights[1] = [0, 2, 1, 1, 3, 0, 0, 1, 1, 1, 1, 1]
    drawn = [i for i, count in enumerate(weights[1].astype(int)) for _ in range(count)]
    expected = [
        100 * mean_average_precision(average_precisions(scores[list(chosen)], truth[list(chosen)]))
        for chosen in (range(12), drawn)
    ]
    found = map_statistic(scores.numpy(), truth.numpy())(weights)
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_ratio_of_sums():
    statistic = ratio_statistic([(1.0, 2.0), (3.0, 4.0), (0.0, 0.0)])
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 0.0, 3.0]])
    assert statistic(weights)[:2].tolist() == pytest.approx([100 * 4 / 6, 75.0])
    assert np.isnan(statistic(weights)[2])

"""The rows of the tables, and the spread of their numbers."""

import statistics

import pytest

from tagalign.experiments import protocol
from tagalign.experiments.rows import BASELINES, ROWS, TRAINED, spread


def test_baselines_come_first_and_are_not_trained():
    assert ROWS[: len(BASELINES)] == BASELINES
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.losses for row in TRAINED)
    assert not any(row.losses for row in BASELINES)
    assert all(row.method == row.name for row in BASELINES)
    assert all(row.mode == protocol.MODE for row in TRAINED)


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [3.5, 3.5], [0.1, 0.9, 0.5, 0.7]])
def test_spread_is_mean_and_deviation_of_the_sample(values):
    assert spread(values) == pytest.approx((statistics.fmean(values), statistics.stdev(values)))


def test_one_value_has_no_spread():
    assert spread([2.5]) == (2.5, 0.0)

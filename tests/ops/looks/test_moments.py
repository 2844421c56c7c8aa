"""Moments against the statistics module, which computes with fractions."""

import json
import statistics

import numpy as np
import pytest

from tagalign.ops.looks.moments import Moments


@pytest.fixture
def rows():
    return np.random.default_rng(2).normal(1e4, 1e-2, (50, 4)).astype(np.float32)


def test_mean_and_deviation_have_no_cancellation(rows):
    # float64 of the naive formula loses all digits here: mean 1e4, deviation 1e-2
    found = Moments.of(rows)
    for column, mean, deviation in zip(rows.T.tolist(), found.mean(), found.deviation(), strict=True):
        assert mean == pytest.approx(statistics.fmean(column), rel=1e-15)
        assert deviation == pytest.approx(statistics.stdev(column), rel=1e-14)


@pytest.mark.parametrize("cuts", [(1, 2), (10, 30), (0, 49)])
def test_any_split_in_any_order_gives_the_same(rows, cuts):
    first, second, third = np.split(rows[::-1], cuts)
    merged = Moments.of(third) + Moments.of(first) + Moments.of(second)
    assert merged.values() == Moments.of(rows).values()


def test_equal_values_deviate_by_nothing():
    assert (Moments.of(np.full((7, 2), 0.1)).deviation() == 0).all()


def test_one_row_and_none():
    one = Moments.of(np.array([[2.0, 3.0]]))
    assert one.mean().tolist() == [2.0, 3.0]
    assert one.deviation().tolist() == [0.0, 0.0]
    assert Moments.zeros(2).mean().tolist() == [0.0, 0.0]
    assert (Moments.zeros(2) + one).values() == one.values()


def test_values_are_json_and_lead_back(rows):
    found = Moments.of(rows)
    assert Moments.from_values(json.loads(json.dumps(found.values()))) == found

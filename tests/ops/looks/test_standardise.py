"""Standardised scores against plain loops, and their bounded form."""

import statistics

import pytest
import torch

from tagalign.ops.looks.standardise import bounded, standardise_columns, standardise_rows

# float64 means and deviations of ten numbers: 1e-12 leaves three digits of slack
TOL = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def scores():
    return torch.rand(12, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def loop(values):
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    return [(value - mean) / deviation for value in values]


def test_rows_and_columns_are_those_of_a_loop(scores):
    rows = torch.tensor([loop(row) for row in scores.tolist()], dtype=torch.float64)
    torch.testing.assert_close(standardise_rows(scores), rows, **TOL)
    columns = torch.tensor([loop(column) for column in scores.T.tolist()], dtype=torch.float64).T
    torch.testing.assert_close(standardise_columns(scores), columns, **TOL)


def test_rows_by_the_deviation_of_others(scores):
    found = standardise_rows(scores[:, :2], like=scores[:, 2:])
    for row, own, like in zip(found.tolist(), scores[:, :2].tolist(), scores[:, 2:].tolist(), strict=True):
        assert row == pytest.approx(
            [(v - statistics.fmean(like)) / statistics.stdev(like) for v in own], rel=1e-12
        )


@pytest.mark.parametrize("function", [standardise_rows, standardise_columns])
def test_equal_or_single_scores_are_zero_and_never_nan(function):
    # halves are added without rounding, so that their deviation is exactly 0
    assert not function(torch.full((3, 3), 0.5)).any()
    assert not function(torch.rand(1, 1)).any()


def test_bounded_keeps_the_order_where_a_logistic_function_does_not():
    z = torch.tensor([-100.0, -3.0, 0.0, 0.5, 17.0, 18.0, 99.0, 100.0])
    found = bounded(z)
    assert (found.diff() > 0).all()
    assert found.min() > 0
    assert found.max() < 1
    assert found[2] == 0.5
    # float32 near 1 has steps of 6e-8, and bounded' is 5e-5 at 100: 1e-2 is ten steps
    away = 2 * found - 1
    torch.testing.assert_close(away / (1 - away.abs()), z, rtol=1e-4, atol=1e-2)

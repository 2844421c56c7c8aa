"""Exact sums against fractions, in any order and any split."""

from fractions import Fraction

import numpy as np
import pytest

from tagalign.ops.looks.exact_sums import BLOCK_ROWS, ExactSums


@pytest.fixture
def rows():
    """Numbers of very different size, zeros and the smallest there is; more than one block."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(BLOCK_ROWS + 37, 3)) * 10.0 ** rng.integers(-20, 20, (BLOCK_ROWS + 37, 3))
    values[5] = [0.0, 5e-324, -5e-324]
    return values


def test_sums_are_those_of_fractions(rows):
    wanted = [sum((Fraction(float(value)) for value in column), Fraction(0)) for column in rows.T]
    assert ExactSums.of(rows).fractions() == wanted


def test_order_and_split_change_no_digit(rows):
    whole = ExactSums.of(rows)
    shuffled = np.random.default_rng(1).permutation(rows)
    parts = ExactSums.of(shuffled[:10]) + ExactSums.of(shuffled[10:400]) + ExactSums.of(shuffled[400:])
    assert parts.texts() == whole.texts()


def test_largest_numbers_do_not_overflow():
    top = np.full((3, 1), np.finfo(np.float64).max)
    assert ExactSums.of(top).fractions() == [3 * Fraction(float(top[0, 0]))]


def test_text_leads_back(rows):
    sums = ExactSums.of(rows)
    assert ExactSums.from_texts(sums.texts()) == sums
    assert ExactSums.of(np.array([[0.75, -3.0, 0.0]])).texts() == ["0x3p-2", "-0x3p0", "0x0p0"]


@pytest.mark.parametrize("bad", ["", "3", "p4", "0x3p", "0x1p-9999", "zp3"])
def test_a_text_that_is_no_sum_is_refused(bad):
    with pytest.raises(ValueError, match=r"exact sum|invalid literal"):
        ExactSums.from_texts([bad])


def test_nan_is_refused():
    with pytest.raises(ValueError, match="finite"):
        ExactSums.of(np.array([[np.nan]]))


def test_sums_of_other_columns_are_refused():
    with pytest.raises(ValueError, match="cannot add 2 sums to 1"):
        ExactSums.zeros(1) + ExactSums.zeros(2)

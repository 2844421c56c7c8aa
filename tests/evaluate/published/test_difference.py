"""Ours beside theirs: the sign, the verdict, and that a drawn number gives none."""

import math

import pytest

from tagalign.evaluate.bootstrap import Interval
from tagalign.evaluate.published.difference import reproduction, reproduction_table
from tagalign.evaluate.published.numbers import find_numbers
from tagalign.evaluate.results import Result

(NUMBER,) = find_numbers(["tagclip/table2/tagclip/voc2007-tags-all"])  # 92.8


def result(value, interval=None, **settings):
    intervals = {"map": Interval(low=interval[0], high=interval[1])} if interval else {}
    return Result(metrics={"map": value}, intervals=intervals, settings=settings, counted=4952)


@pytest.mark.parametrize(
    ("value", "interval", "verdict"),
    [(92.0, (91.5, 92.9), "equal within noise"), (92.0, (91.5, 92.7), "differs"), (92.0, None, "measured")],
)
def test_verdicts(value, interval, verdict):
    one = reproduction(NUMBER, result(value, interval))
    assert one.verdict == verdict
    assert one.difference == pytest.approx(-0.8)
    assert "| -0.8 |" in reproduction_table([one])


def test_a_drawn_number_has_no_difference():
    one = reproduction(NUMBER, result(3.0, (2.0, 4.0), drawn_copy="2 images, seed 0"))
    assert one.verdict == "rehearsed"
    assert "| - | rehearsed |" in reproduction_table([one])


def test_a_metric_without_value():
    assert "| - |" in reproduction_table([reproduction(NUMBER, result(math.nan))])


def test_what_is_not_the_same_is_printed():
    assert "prints 68.7" in reproduction_table([reproduction(NUMBER, result(90.0))])

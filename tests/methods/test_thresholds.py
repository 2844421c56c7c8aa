"""Choosing labels by score: each rule by hand, groups, and what people can type wrong."""

import pytest

from tagalign.errors import InputError
from tagalign.methods.thresholds import Threshold, parse_threshold

NAMES = ("a", "b", "c", "d")
SCORES = (0.2, 0.9, 0.55, 0.6)


def test_relative_takes_what_is_above_the_middle_of_the_range_best_first():
    # middle of 0.2 .. 0.9 is 0.55, which itself is not above
    assert Threshold(kind="relative", value=0.5).choose(SCORES, NAMES) == (1, 3)


def test_relative_falls_back_to_the_best_label():
    assert Threshold().choose((0.3, 0.3), NAMES[:2]) == (0,)
    assert Threshold(value=1.0).choose(SCORES, NAMES) == (1,)
    assert Threshold().choose((0.7,), NAMES[:1]) == (0,)


def test_relative_looks_at_each_group_by_itself():
    assert Threshold().choose((0.9, 0.1, 0.2, 0.05), NAMES, [(0, 1), (2, 3)]) == (0, 2)


def test_absolute_may_choose_nothing():
    assert Threshold(kind="absolute", value=0.55).choose(SCORES, NAMES) == (1, 3, 2)
    assert Threshold(kind="absolute", value=0.95).choose(SCORES, NAMES) == ()


def test_top_takes_the_best_and_ties_keep_the_order():
    assert Threshold(kind="top", value=2.0).choose((0.5, 0.7, 0.7, 0.1), NAMES) == (1, 2)
    assert Threshold(kind="top", value=9.0).choose((0.5, 0.7), NAMES[:2]) == (1, 0)


def test_calibrated_uses_the_label_s_own_value():
    rule = Threshold(kind="calibrated", value=0.5, per_label={"a": 0.1, "b": 0.95})
    assert rule.choose(SCORES, NAMES) == (3, 2, 0)


def test_parsing_and_printing_come_back():
    for text in ("relative:0.5", "absolute:0.3", "top:5", "calibrated:0.25"):
        assert str(parse_threshold(text)) == text
    assert parse_threshold("top").value == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relativ:0.5", "did you mean 'relative'"),
        ("relative:1.5", "from 0 to 1, got 1.5"),
        ("top:0", "whole number from 1, got 0"),
        ("top:2.5", "got 2.5"),
        ("absolute:much", "expected a number after the colon"),
        ("absolute:nan", "got nan"),
    ],
)
def test_wrong_rules_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_threshold(text)

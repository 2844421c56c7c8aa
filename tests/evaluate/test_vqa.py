"""VQA accuracy against the challenge's rule written as subsets of nine people, and by hand."""

from itertools import combinations

import pytest

from tagalign.errors import InputError
from tagalign.evaluate.vqa import normalize_answer, vqa_accuracy


def subsets_rule(answer, truths):
    """min(1, matches / 3) averaged over all subsets of nine of ten people, word by word as the paper says it."""
    subsets = list(combinations(range(10), 9))
    return sum(min(1.0, sum(truths[i] == answer for i in s) / 3) for s in subsets) / len(subsets)


@pytest.mark.parametrize("matches", range(11))
def test_accuracy_equals_the_average_over_subsets(matches):
    truths = ["yes"] * matches + ["no"] * (10 - matches)
    assert vqa_accuracy("yes", truths) == pytest.approx(subsets_rule("yes", truths), abs=1e-12)


def test_known_values():
    assert vqa_accuracy("red", ["red"] * 3 + ["blue"] * 7) == pytest.approx(0.9, abs=1e-12)
    assert vqa_accuracy("Two", ["2"] * 5 + ["3"] * 5) == 1.0
    assert vqa_accuracy("red", ["red"]) == 1.0
    assert vqa_accuracy("blue", ["red"]) == 0.0


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("The Two dogs, dont", "2 dogs don't"),
        ("a  man", "man"),
        ("1,000", "1000"),
        ("3.5", "3.5"),
        ("u.s.", "us"),
        ("black/white", "black white"),
        ("its o'clock", "its o'clock"),
        ("youre wont", "you're won't"),
        ("", ""),
    ],
)
def test_answers_are_normalised(answer, plain):
    assert normalize_answer(answer) == plain


def test_no_answers_are_refused():
    with pytest.raises(InputError, match="at least one answer"):
        vqa_accuracy("yes", [])

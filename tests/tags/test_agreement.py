"""Agreement against the scorer's rules, solved by hand."""

import pytest

from tagalign.errors import InputError
from tagalign.tags import ParsedCaption
from tagalign.tags.agreement import score


def test_micro_average_over_captions_on_sets():
    gold = [ParsedCaption(objects=("cars", "tree")), ParsedCaption(objects=("dog",))]
    found = [ParsedCaption(objects=("car", "sky", "car")), ParsedCaption()]
    result = score(gold, found)["object"]
    assert (result.both, result.first, result.second) == (1, 3, 2)
    assert (result.precision, result.recall, result.f1) == (1 / 2, 1 / 3, 2 / 5)
    assert result.only_first == {"tree": 1, "dog": 1}
    assert result.only_second == {"sky": 1}


def test_nothing_found_and_nothing_asked_is_zero_not_a_crash():
    assert score([ParsedCaption()], [ParsedCaption()])["attribute"].f1 == 0


def test_agreement_is_symmetric():
    a, b = [ParsedCaption(objects=("car", "tree"))], [ParsedCaption(objects=("tree",))]
    assert score(a, b)["object"].f1 == score(b, a)["object"].f1


def test_different_lengths_are_refused():
    with pytest.raises(InputError, match="got 1 and 0"):
        score([ParsedCaption()], [])

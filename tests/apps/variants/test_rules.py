"""Every option of every method, for every verb: a question sets it, or hears in one line why not. No model is needed."""

from typing import Any

import pytest

from tagalign.apps.variants.rules import (
    LEAST,
    MOST,
    THRESHOLDS,
    asked_options,
    read_options,
    settled_at_start,
)
from tagalign.errors import InputError
from tagalign.methods.options import facts_of, option_names
from tagalign.methods.table import METHODS

CASES = [(name, verb) for name, entry in METHODS.items() for verb in entry.can if verb != "search"]


class Opened:
    """A method as far as its options go."""

    def __init__(self, name: str) -> None:
        self.method = name
        self.given: Any = METHODS[name].options()

    def with_options(self, options: Any) -> "Opened":
        other = Opened(self.method)
        other.given = options
        return other


@pytest.mark.parametrize(("name", "verb"), CASES)
def test_an_option_is_taken_or_refused(name: str, verb: Any) -> None:
    opened = Opened(name)
    kind = METHODS[name].options
    fixed = settled_at_start(kind)
    for fact in facts_of(kind):
        given = {fact.name: getattr(opened.given, fact.name)}
        if fact.name in fixed:
            with pytest.raises(InputError, match=f"'{fact.name}' is settled when the server is started"):
                read_options(opened, verb, given)
        elif fact.verbs and verb not in fact.verbs:
            with pytest.raises(InputError, match=f"'{fact.name}' acts for .*, not for {verb}"):
                read_options(opened, verb, given)
        else:
            assert read_options(opened, verb, given) == opened.given


@pytest.mark.parametrize("name", METHODS)
def test_an_unknown_option_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(InputError, match="has no option 'profle'; did you mean 'profile'"):
        read_options(Opened(name), METHODS[name].can[0], {"profle": "paper"})


@pytest.mark.parametrize("name", METHODS)
def test_values_beyond_a_request_are_refused(name: str) -> None:
    known = option_names(METHODS[name].options)
    beyond = {one: MOST[one] + 1 for one in MOST if one in known} | {
        one: LEAST[one] - 1 for one in LEAST if one in known
    }
    for option, value in beyond.items():
        with pytest.raises(InputError, match=f"'{option}' is at (most|least)"):
            read_options(Opened(name), None, {option: value})


@pytest.mark.parametrize("verb", THRESHOLDS)
def test_a_threshold_is_the_option_of_its_verb(verb: Any) -> None:
    assert asked_options(verb, {"short-side": 96}, 0.3) == {"short_side": 96, THRESHOLDS[verb]: 0.3}
    with pytest.raises(InputError, match="given twice"):
        asked_options(verb, {THRESHOLDS[verb]: 0.4}, 0.3)

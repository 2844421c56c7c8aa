"""Every option of every method has a control, or is settled when the page is started; what was set is read back."""

import dataclasses

import pytest

from tagalign.apps.page.controls import (
    PAGE_VERBS,
    all_controls,
    at_start,
    controls_of,
    method_facts,
    read_controls,
)
from tagalign.apps.page.texts import say
from tagalign.methods.options import build_options, facts_of
from tagalign.methods.table import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_every_option_has_a_control_or_a_reason(method: str) -> None:
    shown = {one.name for one in controls_of(method)}
    for fact in facts_of(METHODS[method].options):
        asked = not fact.verbs or set(fact.verbs) & set(PAGE_VERBS)
        assert (fact.name in shown) == bool(asked and fact.name not in {*at_start(method), "look"}), fact.name
        if fact.name in shown:
            assert fact.text in next(one.hint for one in controls_of(method) if one.name == fact.name)


@pytest.mark.parametrize("method", METHODS)
def test_controls_that_are_left_alone_set_nothing(method: str) -> None:
    """Whatever component the page builds: that of the method, or a text that stands for several kinds."""
    own = controls_of(method)
    for values in ({one.name: one.default for one in own}, {one.name: one.text for one in own}):
        assert read_controls(own, values) == {}
    assert {one.name for one in own} <= {one.name for one in all_controls(list(METHODS))}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_set_is_taken_by_the_options(method: str) -> None:
    for control in controls_of(method):
        if control.kind == "choice":
            values = [one for one in control.choices if one not in {control.default, say("method.own")}]
        elif control.kind == "switch":
            values = [not control.default]
        else:
            continue
        for value in values:
            set_ = read_controls([control], {control.name: value})
            assert list(set_) == [control.name]
            options = build_options(METHODS[method].options, set_, method=method)
            assert dataclasses.asdict(options)[control.name] not in {control.default, None}


def test_a_field_of_another_kind_is_read_for_each_method() -> None:
    kinds = {one.name: one.kind for one in all_controls(list(METHODS))}
    assert kinds["threshold"] == "text"
    assert (kinds["refine"], kinds["background_rule"], kinds["local_weight"]) == (
        "choice",
        "switch",
        "number",
    )


def test_values_of_the_start_are_the_defaults() -> None:
    control = next(
        one for one in controls_of("tagclip", {"local_weight": "0.7"}) if one.name == "local_weight"
    )
    assert control.default == 0.7
    assert control.given(0.7) is None
    assert control.given(0.5) == 0.5


def test_a_chooser_says_what_a_method_is_and_needs() -> None:
    for method, entry in METHODS.items():
        facts = method_facts(method)
        assert facts["what"] == entry.summary
        assert all(verb in facts["answers"] for verb in entry.can)
    assert "tagalign train --method trusty" in method_facts("trusty")["needs"]
    assert "tagalign look" in method_facts("piaa")["needs"]
    assert method_facts("stub") == {}

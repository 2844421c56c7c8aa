"""Which options one question may set, and how far: what the methods' own table takes, less what opens files or has no bound.

A request, or a page that listens on a network, is anyone's. So an option is refused unless it is a choice, a switch, a
number or a text that is known to be harmless; numbers that decide how much is computed have bounds.
"""

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tagalign.errors import InputError, TagalignError
from tagalign.methods.options import build_options, facts_of, option_names, unknown_option
from tagalign.methods.protocols import Adjustable
from tagalign.option_fields import Verb, members_of

AT_START = frozenset({"feedback", "gradient", "keep", "keep_per_photo"})
"""A switch that another class answers to, a check that is slow by design, and what acted when a folder was looked at."""
FREE_TEXTS = frozenset({"neutral", "prompt"})
"""Texts without known choices that name neither a file nor a model."""
MOST = {"short_side": 1024, "dense_short_side": 1024, "max_patches": 4096, "num_beams": 8, "max_tokens": 128}
LEAST = {"window": 64}
THIRD = 3
"""Windows overlap by at most two thirds, as ProxyCLIP's do: every pixel is then encoded nine times."""
THRESHOLDS: Mapping[Verb, str] = {
    "tag": "threshold",
    "segment": "background_threshold",
    "refer": "phrase_threshold",
    "caption": "threshold",
    "ask": "threshold",
}
"""What ``threshold`` of a request means, as ``--threshold`` of the command line does."""


def asked_options(verb: Verb, options: Mapping[str, Any] | None, threshold: Any) -> dict[str, Any]:
    """The options of a request by their names; dashes read as underscores.

    Raises:
        InputError: for one that is given twice.
    """
    values: dict[str, Any] = {}
    named = list((options or {}).items())
    named += [] if threshold is None else [(THRESHOLDS[verb], threshold)]
    for name, value in named:
        name = name.strip().replace("-", "_")
        if name in values:
            raise InputError(f"options: {name!r} is given twice; leave one out")
        values[name] = value
    return values


def read_options(method: Adjustable, verb: Verb | None, values: Mapping[str, Any]) -> Any:
    """The options of a method with these values in place of its own.

    Args:
        method: that is asked.
        verb: for which they must act; None where one set of options serves several questions.
        values: by name.

    Raises:
        InputError: for an option or a value that cannot be.
    """
    kind, own = type(method.given), method.given
    name_of_method = str(getattr(method, "method", ""))
    refused = next(_refused(kind, verb, values, name_of_method), None)
    if refused:
        raise InputError(f"options: {refused}")
    try:
        whole = {name: getattr(own, name) for name in option_names(kind)} | dict(values)
        options = build_options(kind, whole, method=name_of_method)
    except (TagalignError, OverflowError, ValueError, TypeError) as error:  # 10**400 is no float
        raise InputError(f"options: {error}") from None
    beyond = next(_beyond(options, values), None)
    if beyond:
        raise InputError(f"options: {beyond}")
    return options


def _refused(kind: type[Any], verb: Verb | None, values: Mapping[str, Any], method: str) -> Iterator[str]:
    """Why options may not be set by this request, one by one."""
    facts = {fact.name: fact for fact in facts_of(kind)}
    fixed = settled_at_start(kind)
    for name, value in values.items():
        if name not in facts:
            yield str(unknown_option(name, facts.keys() - fixed, f"method {method!r}"))
        elif name in fixed:
            yield f"{name!r} is settled when the server is started; no request can set it"
        elif verb is not None and facts[name].verbs and verb not in facts[name].verbs:
            yield f"{name!r} acts for {', '.join(facts[name].verbs)}, not for {verb}"
        elif name == "refine" and isinstance(value, str) and ":" in value:
            yield f"'refine' takes a name alone in a request, got {value!r}"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{name!r} takes a finite number, got {value}"


def settled_at_start(kind: type[Any]) -> set[str]:
    """Options of a class that no request may set: what names a file or a model, and what decides what is built."""
    hints = typing.get_type_hints(kind)
    return {
        field.name
        for field in dataclasses.fields(kind)
        for members in [members_of(hints[field.name])]
        if field.name in AT_START
        or Path in members
        or (str in members and not field.metadata["choices"] and field.name not in FREE_TEXTS)
    }


def _beyond(options: Any, values: Mapping[str, Any]) -> Iterator[str]:
    """Which values ask for more work than a request may."""
    for name in values:
        value = getattr(options, name)
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{name!r} takes a finite number, got {value}"
        if isinstance(value, int) and value > MOST.get(name, value):
            yield f"{name!r} is at most {MOST[name]} in a request, got {value}"
        if isinstance(value, int) and value < LEAST.get(name, value):
            yield f"{name!r} is at least {LEAST[name]} in a request, got {value}"
    window, stride = getattr(options, "window", None), getattr(options, "stride", None)
    if {"window", "stride"} & values.keys() and window and stride and stride * THIRD < window:
        yield f"'stride' is at least a third of 'window' in a request, got {stride} of {window}"

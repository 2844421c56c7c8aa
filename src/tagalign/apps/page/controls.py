"""The options of a method as controls: kind, choices, default and hint are read from its options class."""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tagalign.apps.page.texts import say
from tagalign.apps.variants.rules import LEAST, MOST, settled_at_start
from tagalign.methods.options import OptionFacts, facts_of, option_names, read_value
from tagalign.methods.table import DEFAULTS, METHODS
from tagalign.option_fields import Verb, members_of

ControlKind = Literal["choice", "switch", "whole", "number", "text"]
PAGE_VERBS: tuple[Verb, ...] = ("tag", "segment", "refer", "caption")
"""What the page asks."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Control:
    """One option as a page shows it.

    Attributes:
        name: of the option.
        kind: of the control.
        default: that it starts with; None where the profile or the model decides.
        choices: of a ``choice``.
        least: of a number in a question of one person, where there is a bound.
        most: likewise.
        hint: what it does, where its default comes from, for what it acts.
        common: whether a verb of the command line has a flag for it; those stand first.
    """

    name: str
    kind: ControlKind
    default: Any
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    hint: str = ""
    common: bool = False

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    def given(self, value: Any) -> Any:
        """What a person set, as an option takes it; None where the control was left alone."""
        if value is None or value == say("method.own") or (isinstance(value, str) and not value.strip()):
            return None
        if self.kind == "switch" and not isinstance(value, str):
            return None if bool(value) == bool(self.default) else bool(value)
        return None if _same(value, self.text) else value

    @property
    def text(self) -> str:
        """The default as a field shows it."""
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        return "" if self.default is None else str(self.default)


def _same(value: Any, text: str) -> bool:
    """Whether a field shows its default; a browser sends 10 for 10.0."""
    try:
        return float(value) == float(text)
    except ValueError:
        return str(value).strip() == text


def controls_of(method: str, started: Mapping[str, Any] | None = None) -> list[Control]:
    """The controls of a method, those with a flag first; none for a method outside the table.

    Args:
        method: by name.
        started: values that the page was started with, which are the defaults then.
    """
    if method not in METHODS:
        return []
    kind = METHODS[method].options
    fixed, hints = _fixed(kind, started or {}), typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    found = [
        _control(fields[fact.name], fact, hints[fact.name], started or {})
        for fact in facts_of(kind)
        if fact.name not in fixed and (not fact.verbs or set(fact.verbs) & set(PAGE_VERBS))
    ]
    return sorted(found, key=lambda one: not one.common)


def all_controls(methods: Sequence[str], started: Mapping[str, Any] | None = None) -> list[Control]:
    """One control per option that any of the methods has, those with a flag first: a page builds them once.

    Where two methods have options of one name and of different kinds, the control is a text, which is read for each.
    """
    found: dict[str, Control] = {}
    for method in methods:
        for one in controls_of(method, started):
            known = found.setdefault(one.name, one)
            if known.kind != one.kind:
                found[one.name] = dataclasses.replace(known, kind="text", choices=())
    return sorted(found.values(), key=lambda one: not one.common)


def at_start(method: str) -> tuple[str, ...]:
    """Options of a method that are settled when the page is started, but for the look, which has a control of its own."""
    return () if method not in METHODS else tuple(sorted(_fixed(METHODS[method].options, {}) - {"look"}))


def _fixed(kind: type[Any], started: Mapping[str, Any]) -> set[str]:
    """What no control sets: with a switch that is settled, what acts through it where it is off."""
    fixed = settled_at_start(kind)
    off = tuple(f"{name}_" for name in fixed if name not in started)
    return fixed | {name for name in option_names(kind) if name.startswith(off)}


def _control(
    field: dataclasses.Field[Any], fact: OptionFacts, hint: Any, started: Mapping[str, Any]
) -> Control:
    members = members_of(hint)
    optional = type(None) in members
    default, choices = field.default, _choices(field, members)
    if field.name in started:
        default = read_value(started[field.name], hint, name=field.name)
    kind: ControlKind = "text"
    if choices:
        kind, default = "choice", say("method.own") if default is None else str(default)
        choices = ((say("method.own"),) if optional else ()) + choices
    elif bool in members:
        kind = "choice" if optional else "switch"
        if optional:
            choices, default = (
                (say("method.own"), "yes", "no"),
                say("method.own") if default is None else ("yes" if default else "no"),
            )
    elif default is None:
        kind = "text"  # a field for numbers has no way to be empty
    elif int in members:
        kind = "whole"
    elif float in members:
        kind = "number"
    elif default is not None:
        default = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return Control(
        name=field.name,
        kind=kind,
        default=default,
        choices=choices,
        least=LEAST.get(field.name),
        most=MOST.get(field.name),
        hint=_hint(fact),
        common=bool(field.metadata["given_by"]) or field.name == "profile",
    )


def _choices(field: dataclasses.Field[Any], members: Sequence[Any]) -> tuple[str, ...]:
    if field.metadata["choices"]:
        return tuple(field.metadata["choices"]())
    literals = [one for one in members if typing.get_origin(one) is Literal]
    return tuple(str(value) for one in literals for value in typing.get_args(one))


def _hint(fact: OptionFacts) -> str:
    source = ""
    if fact.source:
        source = say(
            "method.default_from" if fact.has_default else "method.default_source", source=fact.source
        )
    acts = say("method.acts", verbs=", ".join(fact.verbs)) if fact.verbs else ""
    return f"{fact.text}{source}.{acts}"


def read_controls(controls: Sequence[Control], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was set, by the name of the option.

    Args:
        controls: of the method.
        values: of all controls of the page, by the name of the option.
    """
    return {
        control.name: given
        for control in controls
        if (given := control.given(values.get(control.name))) is not None
    }


def method_facts(method: str) -> Mapping[str, str]:
    """What a chooser says of a method: what it is, answers, costs and needs; empty for one outside the table."""
    if method not in METHODS:
        return {}
    entry = METHODS[method]
    needs = say("method.needs_nothing")
    if entry.needs_look:
        needs = say("method.needs_look")
    if entry.trained_by:
        needs = say("method.needs_part", command=entry.trained_by.format(model="MODEL"))
    verbs = ", ".join(
        say("method.its_default", verb=verb) if DEFAULTS[verb] == method else verb for verb in entry.can
    )
    return {
        "what": entry.summary,
        "answers": verbs,
        "costs": entry.cost,
        "needs": needs,
        "source": entry.source,
    }

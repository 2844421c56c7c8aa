"""``tagalign methods``: what each method can do, needs and costs, and its options with their defaults and sources."""

import dataclasses
import shutil
import textwrap
from typing import Annotated, Any

import tyro

from tagalign.cli.shared.choices import MethodName
from tagalign.cli.shared.output import print_json
from tagalign.methods.options import OptionFacts, facts_of
from tagalign.methods.table import DEFAULTS, METHODS, Entry, methods
from tagalign.option_fields import Verb


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodsSettings:
    """List the methods, or say everything about one.

    Options are given as --option name=value in tag, segment, refer, evaluate, serve and app, and as keywords in Python:
    tagalign.load(MODEL, method=NAME, name=value). Example: tagalign methods tagclip
    """

    name: Annotated[MethodName, tyro.conf.Positional] = None
    """A method: then its options are listed too."""
    can: Verb | None = None
    """Only methods that answer this verb."""
    json: bool = False
    """Print one JSON object per method on standard output."""


def run(settings: MethodsSettings) -> int:
    """Print on standard output."""
    names = (settings.name,) if settings.name is not None else methods(can=settings.can)
    if settings.json:
        for name in names:
            print_json(as_json(name))
    elif settings.name is not None:
        print(page(settings.name))
    else:
        print(overview(names))
    return 0


def as_json(name: str) -> dict[str, Any]:
    """A method as one JSON object."""
    entry = METHODS[name]
    options = [dataclasses.asdict(fact) for fact in facts_of(entry.options)]
    default_of = [verb for verb, method in DEFAULTS.items() if method == name]
    return {
        "name": name,
        "summary": entry.summary,
        "can": list(entry.can),
        "default_of": default_of,
        "cost": entry.cost,
        "trained_by": entry.trained_by or None,
        "source": entry.source,
        "options": options,
    }


def overview(names: tuple[str, ...]) -> str:
    """One line per method: name, verbs (a star where it is the default), what it is, what it needs."""
    rows = [(name, _verbs(name, METHODS[name]), METHODS[name].summary) for name in names]
    width, verbs = (max(len(row[i]) for row in rows) for i in (0, 1))
    lines = [f"{name:<{width}}  {can:<{verbs}}  {summary}" for name, can, summary in rows]
    trained = [name for name in names if METHODS[name].trained_by]
    notes = ["* the default of the verb; tagalign methods NAME lists the options of one"]
    if trained:
        notes.append(f"need a trained part: {', '.join(trained)}; the others run on any encoder as published")
    return "\n".join([*lines, "", *notes])


def _verbs(name: str, entry: Entry) -> str:
    return " ".join(f"{verb}*" if DEFAULTS[verb] == name else verb for verb in entry.can)


def page(name: str) -> str:
    """Everything about one method."""
    entry = METHODS[name]
    head = [
        f"{name}: {entry.summary}",
        f"source:  {entry.source}",
        f"answers: {_verbs(name, entry)}",
        f"costs:   {entry.cost}",
        f"needs:   {entry.trained_by.format(model='MODEL') if entry.trained_by else 'nothing but an encoder'}",
        "",
        "options (--option name=value):",
    ]
    return "\n".join([*head, *(_option(fact) for fact in facts_of(entry.options))])


def _option(fact: OptionFacts) -> str:
    # where the profile or the model decides, the source says how
    source = [fact.source] if fact.source and fact.has_default else []
    default = fact.default if fact.has_default or not fact.source else fact.source
    notes = [*source, *([f"acts in {', '.join(fact.verbs)}"] if fact.verbs else [])]
    text = f"{fact.text} ({'; '.join(notes)})" if notes else fact.text
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    body = textwrap.wrap(text, width - 8)
    return "\n".join([f"  {fact.name} = {default}   [{fact.kind}]", *(f"      {line}" for line in body)])

"""In which facts two jobs differ, in words for who typed the second."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tagalign.json_text import json_text
from tagalign.tasks.photos.keys import printable

FIRST = ("kind", "model", "method", "labels", "phrase")
"""What people choose, before what follows from it."""

SHOWN = 3
"""Facts that are named: another model differs in a dozen that follow from it."""

LONGEST = 60


def differing(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """The first facts in which two descriptions differ; empty where they are the same.

    >>> differing({"model": {"method": "clip", "model": "a"}}, {"model": {"method": "clip", "model": "b"}})
    "model: 'a' there, 'b' now"
    """
    old, new = (dict(_facts(json.loads(json_text(job, default=str)))) for job in (before, now))
    names = [name for name in dict.fromkeys((*FIRST, *old, *new)) if old.get(name) != new.get(name)]
    if names[:1] == ["kind"]:
        names = names[:1]  # the facts of different verbs are not the same facts
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(_said(name, old.get(name), new.get(name)) for name in names[:SHOWN]) + more


def _facts(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _facts(value)
        else:
            yield name, value


def _said(name: str, before: object, now: object) -> str:
    old, new = _shown(before), _shown(now)
    return f"other words of {name}" if old == new else f"{name}: {old} there, {new} now"


def _shown(value: object) -> str:
    if isinstance(value, list):
        names = [one.get("name", one) if isinstance(one, dict) else one for one in value]
        text = ", ".join(map(str, names)) or "none"
    else:
        text = "none" if value is None else repr(value)
    return printable(text if len(text) <= LONGEST else text[:LONGEST] + "...")

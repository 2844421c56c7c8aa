"""What a look holds for: the facts of a tagger that its scores depend on, and the refusal of another tagger or label set."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tagalign.errors import InputError
from tagalign.json_text import json_text
from tagalign.labels import LabelSet
from tagalign.methods.looks.look import Look

WITHOUT_EFFECT = frozenset({"threshold", "look", "model", "revision"})
"""Facts that change no score: which labels are chosen, and where the weights, named by their hash, came from."""


FIRST = ("method", "model", "family", "weight_hash", "profile", "mode")
"""What people change, in the order in which it is named: the options of another method differ as a consequence."""


def scoring_facts(described: Mapping[str, object], options: Any) -> dict[str, Any]:
    """The facts of a tagger that its scores depend on, as JSON values.

    Args:
        described: from ``Method.describe``.
        options: its options or their class; they name the verbs they act for.
    """
    others = {
        field.name
        for field in dataclasses.fields(options)
        if field.metadata["verbs"] and "tag" not in field.metadata["verbs"]
    }
    dropped = (others | WITHOUT_EFFECT) - (set() if described.get("weight_hash") else {"model"})
    kept = {name: value for name, value in described.items() if name not in dropped}
    facts: dict[str, Any] = json.loads(json_text(kept, default=str))
    return facts


def refuse_other_model(look: Look, facts: Mapping[str, Any], where: str) -> None:
    """Refuse a look that another tagger made.

    Raises:
        InputError: naming what differs.
    """
    others = sorted((look.facts.keys() | facts.keys()) - set(FIRST))
    for name in (*FIRST, *others):
        mine, theirs = facts.get(name), look.facts.get(name)
        if mine != theirs:
            what = "weights of another model" if name == "weight_hash" else f"another {name}"
            raise InputError(
                f"{where}: this look was made with {what}: {name} = {theirs!r}, now it is {mine!r}; look at the folder "
                "again with this model and method (tagalign look)"
            )


def refuse_other_labels(look: Look, labels: LabelSet, where: str, *, asked_by: str = "are asked") -> None:
    """Refuse a look at other labels, or at another version of them.

    Args:
        look: that was made.
        labels: that it is to be used for.
        where: the look is.
        asked_by: who has the labels, as the end of a sentence.

    Raises:
        InputError: naming what differs.
    """
    pairs = (
        ("labels", look.labels.labels, labels.labels),
        ("background words", look.labels.background, labels.background),
        ("templates", look.labels.templates, labels.templates),
        ("rules of groups", look.labels.groups, labels.groups),
        ("version", look.labels.version, labels.version),
    )
    for what, theirs, mine in pairs:
        if theirs != mine:
            raise InputError(
                f"{where}: this look has other {what} than {asked_by} ({_difference(theirs, mine)}); look at the folder "
                "again with these labels (tagalign look)"
            )


def _difference(theirs: Any, mine: Any) -> str:
    if not isinstance(theirs, tuple):
        return f"{theirs} there, {mine} here"
    names = [[getattr(one, "name", one) for one in side] for side in (theirs, mine)]
    lost, new = ([n for n in a if n not in b] for a, b in (names, names[::-1]))
    if not lost and not new:
        return "their order, other words or groups differ"
    return "; ".join(
        f"only {side}: {', '.join(map(str, some[:3]))}"
        for side, some in (("there", lost), ("here", new))
        if some
    )

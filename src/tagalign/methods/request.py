"""What a model, a method and options ask for, before anything is opened: what does not fit is refused without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.backbones.catalog import hub_config, read_json
from tagalign.methods.options import build_options, facts_of, option_names, unknown_option
from tagalign.methods.table import DEFAULTS, find_method, trained_kinds, training_free
from tagalign.option_fields import Verb

EACH_ITS_OWN = "default"
"""The name of no method: every verb is answered by its default."""

VERBS: tuple[Verb, ...] = ("tag", "segment", "refer", "search")
"""What is answered then; a caption or an answer needs a trained part."""


def trained_type(name: str) -> str | None:
    """What a folder or a hub id was trained for, which decides its method: one of ``trained_kinds``; None for an encoder."""
    path = Path(name) / "config.json"
    kind = (read_json(path) if path.is_file() else hub_config(name)).get("model_type")
    return kind if kind in trained_kinds() else None


def options_by_method(method: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options object of each method that will answer.

    Args:
        method: that was chosen; None for the default of each verb.
        options: by name; strings are read as the command line reads them.

    Raises:
        InputError: for an option that none of them has, or a value that it does not take.
    """
    names = [method] if method else _defaults()
    kinds = {name: find_method(name).options for name in names}
    known = {option for kind in kinds.values() for option in option_names(kind)}
    for option in options:
        if option not in known:
            raise unknown_option(option, known, f"method {method or EACH_ITS_OWN!r}")
    return {
        name: build_options(kind, {k: v for k, v in options.items() if k in acting}, method=name)
        for name, kind in kinds.items()
        for acting in [_acting(name, kind, alone=len(kinds) == 1)]
    }


def _defaults() -> list[str]:
    """The default methods that run on any encoder, each once."""
    return [name for name in dict.fromkeys(DEFAULTS[verb] for verb in VERBS) if name in training_free()]


def _acting(name: str, kind: type[Any], *, alone: bool) -> set[str]:
    """The options that a method takes: all, or as one of the defaults those of the verbs that it answers."""
    answered = {verb for verb in VERBS if alone or DEFAULTS[verb] == name}
    acting = {fact.name for fact in facts_of(kind) if alone or not fact.verbs or answered & set(fact.verbs)}
    # a look was made with one tagger: of the defaults it is the one for tags, and another would refuse it
    return acting if alone or "tag" in answered else acting - {"look"}

"""``tagalign train --method NAME``: which module trains what."""

import json
from collections.abc import Sequence
from pathlib import Path

from tagalign.cli.shared.general_flags import CONFIG, take_flag
from tagalign.registry import find_entry

TRAINERS = {
    "tagalign": "tagalign.cli.verbs.train.tagalign.verb",
    "trusty": "tagalign.cli.verbs.train.trusty.verb",
    "tag2text": "tagalign.cli.verbs.train.tag2text.verb",
    "groupvit": "tagalign.cli.verbs.train.groupvit.verb",
}
FLAG = "--method"


def training_module(args: Sequence[str]) -> tuple[str, list[str]]:
    """The module that reads the other flags, and these flags without ``--method``.

    ``train groupvit`` is ``train --method groupvit``. Without either the ``settings.json`` of ``--config`` says it; without
    that it is ``tagalign``.

    Raises:
        UnknownNameError: for a method that cannot be trained.
        InputError: if the flag has no value.
    """
    if args and not args[0].startswith("-"):
        args = [FLAG, *args]
    name, rest = take_flag(args, FLAG)
    if name is None:
        name = _method_of(take_flag(args, CONFIG)[0])
    return find_entry("method to train", name, TRAINERS), rest


def _method_of(config: str | None) -> str:
    """What a settings file was written by; a damaged one is reported by whoever reads its fields."""
    try:
        values = json.loads(Path(config).read_text(encoding="utf-8")) if config else {}
    except (OSError, ValueError):
        return "tagalign"
    inner = values.get("settings", values) if isinstance(values, dict) else {}
    return str(inner.get("method") or "tagalign") if isinstance(inner, dict) else "tagalign"

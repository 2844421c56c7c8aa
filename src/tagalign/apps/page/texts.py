"""Every text that people read on the page, from one file: ``en.toml`` beside this one, ready to be translated.

A key is ``part.name``; what stands in braces is filled in. Texts that other files own come as they are there: what an option
or a method is (``methods``), and why something was refused (``errors``).
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def texts() -> Mapping[str, str]:
    """All texts by key."""
    source = resources.files(__package__).joinpath("en.toml").read_text(encoding="utf-8")
    return {
        f"{part}.{name}": text for part, rows in tomllib.loads(source).items() for name, text in rows.items()
    }


def say(key: str, /, **values: object) -> str:
    """A text with its values filled in.

    >>> say("masks.say", name="dog", score="0.50", share="12 %")
    'dog · score 0.50 · 12 % of the photo'
    """
    return texts()[key].format(**values)

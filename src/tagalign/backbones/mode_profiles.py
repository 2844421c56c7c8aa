"""How the profiles of a dense mode end: options that nobody gave take the value that the profile names."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

Value = TypeVar("Value")

ModeProfile = Literal["paper", "released", "fixed"]


def settle(mode: Any, values: Mapping[str, Any]) -> None:
    """Fill the options of a frozen mode that are None; to be called at the end of its constructor.

    Args:
        mode: whose options are filled.
        values: of the profile, by option.
    """
    for name, value in values.items():
        if getattr(mode, name) is None:
            object.__setattr__(mode, name, value)


def known(value: Value | None) -> Value:
    """An option after ``settle``."""
    if value is None:
        raise AssertionError("the profile left an option open")
    return value

"""How an option is declared: a field of a frozen dataclass that says what it does, where its default comes from, for whom.

Methods, dense modes and refinements declare theirs with ``option``; ``methods.options`` reads values and writes help from
what is noted here. Nothing here imports torch.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any, Literal

from tagalign.errors import InputError

Verb = Literal["tag", "segment", "refer", "caption", "ask", "search"]
"""What a person asks a method to do; the words of the command line."""


def option(
    default: Any,
    text: str,
    *,
    source: str = "",
    verbs: tuple[Verb, ...] = (),
    given_by: str = "",
    choices: Callable[[], tuple[str, ...]] | None = None,
) -> Any:
    """A field of an options class.

    Args:
        default: its value when nobody gives one; None where the profile or the model decides.
        text: what it does, with unit and range.
        source: where the default comes from: paper, equation, release.
        verbs: for which it acts; all that the method can when empty.
        given_by: the flag of the verbs that sets it, where there is one; others are given as ``--option name=value``.
        choices: the values of a text that are known, where files of a folder decide; options of one may follow it after a
            colon, ``pamr:steps=3``.
    """
    metadata = {"text": text, "source": source, "verbs": verbs, "given_by": given_by, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def members_of(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have: those of a union, or its one type."""
    return typing.get_args(hint) if typing.get_origin(hint) in {typing.Union, types.UnionType} else (hint,)


def check_share(name: str, value: float | None) -> None:
    """Refuse what is no number from 0 to 1.

    Raises:
        InputError: naming the option.
    """
    if value is not None and not 0 <= value <= 1:
        raise InputError(f"{name}: expected a number from 0 to 1, got {value:g}")


def check_count(name: str, value: int | None) -> None:
    """Refuse what is no whole number from 1.

    Raises:
        InputError: naming the option.
    """
    if value is not None and value < 1:
        raise InputError(f"{name}: expected a whole number from 1, got {value}")

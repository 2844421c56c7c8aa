"""What tyro refuses, in one line: what was expected, what came, what to do; instead of a box of eight.

The hook is tyro's own but not stable: where a version lacks it, or an event is new, tyro's box is shown; the exit code is 2
all the same.
"""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tagalign.cli.shared.renamed import former_names
from tagalign.errors import InputError, UnknownNameError

TAKES = {int: "a whole number", float: "a number"}


def one_line_refusals(kinds: Iterable[Any]) -> AbstractContextManager[None]:
    """Turn what tyro refuses into an ``InputError``.

    Args:
        kinds: the settings classes whose flags can be typed, for guesses.
    """
    try:
        from tyro._errors import on_parse_error
    except ImportError:
        return nullcontext()
    kinds = tuple(kinds)
    hints = {
        _typed(name): hint
        for kind in kinds
        for name, hint in typing.get_type_hints(kind).items()
        if name in {field.name for field in dataclasses.fields(kind)}
    }
    renamed = {_typed(old): _typed(new) for kind in kinds for old, new in former_names(kind).items()}
    renamed |= {old.replace("--", "--no-", 1): new.replace("--", "--no-", 1) for old, new in renamed.items()}

    def refuse(event: object) -> None:
        if (error := _refusal(event, hints, renamed)) is not None:
            raise error

    return on_parse_error(refuse)


def _typed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _refusal(event: Any, hints: Mapping[str, Any], renamed: Mapping[str, str]) -> InputError | None:
    match type(event).__name__:  # by name: a version that lacks one of them keeps the others
        case "InvalidChoice":
            return _wrong_choice(event)
        case "InstantiationFailure":
            return _wrong_value(event, hints)
        case "BadValue":
            return _no_value(_flag(event.argument), event.prog)
        case "UnrecognizedArgs":
            return _unknown_flag(event.tokens, hints, renamed, event.prog)
        case "MissingArgs":
            if event.unrecognized_tokens and event.unrecognized_tokens[0].startswith("-"):
                # its value was taken for nothing
                return _unknown_flag(event.unrecognized_tokens, hints, renamed, event.prog)
            missing = ", ".join(_flag(one.arg) for one in event.missing_arguments)
            return InputError(f"{missing} missing; {event.prog} --help says what that is")
        case "MissingSubcommand":
            known = list(event.subcommand_spec.parser_from_name)
            if event.found_token is None:
                return InputError(f"expected one of {', '.join(known)}, got nothing")
            return UnknownNameError("subcommand", event.found_token, known)
    return None


def _no_value(flag: str, prog: str) -> InputError:
    if flag.startswith("-"):
        return InputError(f"{flag} needs a value")
    return InputError(f"{flag} stands without a flag and needs a value; {prog} --help says what that is")


def _wrong_choice(event: Any) -> InputError:
    """A name that is none; of one that is, with options behind a colon, where those are given."""
    words = _flag(event.argument).lstrip("-").replace("-", " ").lower()
    name, colon, _ = str(event.value).partition(":")
    if colon and name in event.choices:
        return InputError(
            f"{_flag(event.argument)} takes a name alone; with options of its own it is --option {words}={event.value}"
        )
    return UnknownNameError(words, event.value, [one for one in event.choices if one != "None"])


def _flag(argument: Any) -> str:
    """As a help page shows it: ``--phrase``, or ``IMAGES`` for what stands without a flag."""
    name = str(argument.display_name()).split("/")[0]
    return name if name.startswith("-") else name.replace("-", "_").upper()


def _wrong_value(event: Any, hints: Mapping[str, Any]) -> InputError:
    message = str(event.message)
    if event.argument is None:
        return InputError(message)  # a settings class said it, in our own words
    flag = _flag(event.argument)
    wanted = [TAKES[kind] for kind in _members(hints.get(flag)) if kind in TAKES]
    came = re.search(r"'([^']*)'$", message)
    return InputError(f"{flag} takes {wanted[0]}, got {came[0]}" if wanted and came else f"{flag}: {message}")


def _members(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType, tuple}:
        return typing.get_args(hint)
    return (hint,)


def _unknown_flag(
    tokens: list[str], hints: Mapping[str, Any], renamed: Mapping[str, str], prog: str
) -> InputError:
    """The first token that nobody reads; a dash was typed for a flag, anything else stands where nothing may."""
    first = tokens[0].split("=")[0]
    if not first.startswith("-"):
        return InputError(
            f"{first!r} stands where nothing is read; is its flag missing, or are the quotes around a text?"
        )
    if first in renamed:
        return InputError(f"{first} is {renamed[first]} now")
    if first in hints:  # known, yet nobody read it: a guess would name the flag that was typed
        return InputError(f"{first} does not belong here; {prog} --help lists those that do")
    near = (
        difflib.get_close_matches(first, hints, n=1) or [flag for flag in hints if flag.startswith(first)][:1]
    )
    hint = f"did you mean {near[0]}?" if near else f"{prog} --help lists those that there are"
    return InputError(f"unknown flag {first}; {hint}")

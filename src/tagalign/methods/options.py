"""Options of methods: one frozen dataclass per method, built from keywords, from ``name=value`` strings and from flags.

Fields are declared with ``option_fields.option``. Help, docs, refusals and ``tagalign methods`` are made from what that
notes. Nothing here imports torch.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from tagalign.errors import InputError
from tagalign.layer_range import FORMS, LayerRange, as_layers
from tagalign.methods.thresholds import Threshold, as_threshold
from tagalign.option_fields import Verb, members_of

Options = TypeVar("Options")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptionFacts:
    """What ``tagalign methods NAME`` prints of one option.

    Attributes:
        name: keyword and ``--option`` name.
        default: as a person reads it.
        has_default: False where the profile or the model decides.
        kind: of the values, as a person types them.
        text: what it does.
        source: of the default.
        verbs: for which it acts; empty for all.
    """

    name: str
    default: str
    has_default: bool
    kind: str
    text: str
    source: str
    verbs: tuple[Verb, ...]


def facts_of(kind: type[Any]) -> list[OptionFacts]:
    """Every option of a class, in the order of its fields."""
    hints = typing.get_type_hints(kind)
    return [
        OptionFacts(
            name=field.name,
            default=_shown(field.default),
            has_default=field.default is not None,
            kind=_choices_text(field) or _kind_text(hints[field.name]),
            text=field.metadata["text"],
            source=field.metadata["source"],
            verbs=field.metadata["verbs"],
        )
        for field in dataclasses.fields(kind)
    ]


def option_names(kind: type[Any]) -> tuple[str, ...]:
    """Names of the options of a class."""
    return tuple(field.name for field in dataclasses.fields(kind))


def build_options(
    kind: type[Options], values: Mapping[str, Any], *, method: str = "", owner: str = ""
) -> Options:
    """An options object from keywords or strings; what is not given keeps its default. Arguments: see ``read_options``.

    Raises:
        InputError: for what ``read_options`` refuses, or values that the class refuses.
    """
    return kind(**read_options(kind, values, method=method, owner=owner))


def read_options(
    kind: type[Any], values: Mapping[str, Any], *, method: str = "", owner: str = ""
) -> dict[str, Any]:
    """Options as values of their types; whether they fit each other is asked when the class is built.

    Args:
        kind: the options class.
        values: by name; strings are read as the field's type says (``"0.3"``, ``"true"``, ``"8,9,10"``, ``"none"``).
        method: that has them, for messages.
        owner: of options that belong to no method, in words, in its place.

    Raises:
        InputError: for an unknown name (the nearest is named), or a value that is not of the field's type.
    """
    hints = typing.get_type_hints(kind)
    known = option_names(kind)
    for name in values:
        if name not in known:
            raise unknown_option(name, known, owner or f"method {method!r}")
    read = {name: read_value(value, hints[name], name=name) for name, value in values.items()}
    _check_choices(kind, read)
    return read


def _check_choices(kind: type[Any], values: Mapping[str, Any]) -> None:
    for field in dataclasses.fields(kind):
        choices, value = field.metadata.get("choices"), values.get(field.name)
        if choices and value is not None and value.partition(":")[0] not in choices():
            raise InputError(f"option {field.name!r} takes {_choices_text(field)}, got {value!r}")


def _choices_text(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata.get("choices")
    return _any_of(list(choices())) if choices else ""


def unknown_option(name: str, known: Iterable[str], owner: str) -> InputError:
    """The refusal of an option that its owner (``method 'rcs'``) does not have, with the nearest and all that it has."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return InputError(f"{owner} has no option {name!r}{hint} it has: {', '.join(known)}")


def read_value(value: Any, hint: Any, *, name: str) -> Any:
    """A value of the type that a field declares, from Python or from a string.

    Raises:
        InputError: naming the option, what it takes and what came.
    """
    wanted = members_of(hint)
    # where "none" is a choice of its own, leaving the option out is the only way to leave it open
    is_word = any("none" in typing.get_args(one) for one in wanted if typing.get_origin(one) is Literal)
    says_none = isinstance(value, str) and value.strip().lower() == "none" and not is_word
    if value is None or (says_none and type(None) in wanted):
        if type(None) in wanted:
            return None
        raise _refused(name, hint, value)
    for one in wanted:
        try:
            return _read_one(value, one)
        except (ValueError, TypeError) as error:
            if isinstance(error, InputError):
                raise
    raise _refused(name, hint, value)


def _refused(name: str, hint: Any, value: Any) -> InputError:
    return InputError(f"option {name!r} takes {_kind_text(hint)}, got {value!r}")


def _read_one(value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is Literal:
        if value in typing.get_args(kind):
            return value
        raise ValueError(value)
    if kind is Threshold:
        return as_threshold(value)
    if kind is LayerRange:
        return as_layers(value)
    if kind is bool:
        return _read_bool(value)
    if kind is int:
        return _read_int(value)
    if kind is float:
        if isinstance(value, bool):
            raise TypeError(value)
        return float(value)
    if kind is str:
        if isinstance(value, str):
            return value
        raise TypeError(value)
    if kind is Path:
        return Path(value)
    if typing.get_origin(kind) is tuple:
        parts = _comma_list(value) if isinstance(value, str) else list(value)
        return tuple(_read_one(part, typing.get_args(kind)[0]) for part in parts)
    raise TypeError(kind)


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0"}:
        return False
    raise ValueError(value)


def _read_int(value: Any) -> int:
    # True and 8.5 are no counts, although int() takes both
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise TypeError(value)
    return int(value)


def _comma_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


_KINDS = {int: "a whole number", float: "a number", bool: "yes or no", str: "text", Path: "a folder"}


def _kind_text(hint: Any) -> str:
    texts = []
    for one in members_of(hint):
        if one is type(None):
            texts.append("none")
        elif typing.get_origin(one) is Literal:
            texts += [str(value) for value in typing.get_args(one)]
        elif typing.get_origin(one) is tuple:
            texts.append(f"{_KINDS[typing.get_args(one)[0]]}, or several with commas between")
        elif one is Threshold:
            texts.append("a threshold: 0.3, relative:0.5, top:5")
        elif one is LayerRange:
            texts.append(FORMS)
        else:
            texts.append(_KINDS.get(one, str(one)))
    return _any_of(list(dict.fromkeys(texts)))


def _any_of(texts: list[str]) -> str:
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def name_and_options(text: str) -> tuple[str, dict[str, str]]:
    """What is chosen by name and given options of its own in one word.

    >>> name_and_options("pamr:steps=3")
    ('pamr', {'steps': '3'})

    Raises:
        InputError: for options that are not ``name=value``.
    """
    name, _, rest = text.partition(":")
    return name, split_assignments(part for part in rest.split(",") if part)


def split_assignments(
    assignments: Iterable[str], flag: str = "--option", example: str = "local_weight=0.3"
) -> dict[str, str]:
    """``--option name=value`` flags as a dict; dashes in names read as underscores.

    >>> split_assignments(["local-weight=0.3", "gate=soft"])
    {'local_weight': '0.3', 'gate': 'soft'}

    Args:
        assignments: as typed.
        flag: that they were typed after, for messages.
        example: of one, for messages.

    Raises:
        InputError: for one without ``=``, or a name given twice.
    """
    values: dict[str, str] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or not name:
            raise InputError(f"{flag} takes name=value, such as {flag} {example}, got {text!r}")
        if name in values:
            raise InputError(f"{flag} {name} is given twice")
        values[name] = value.strip()
    return values

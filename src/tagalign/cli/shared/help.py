"""``tagalign VERB --help``: a verb's own flags first, then those it shares, in groups, each with what it takes.

Made from the settings class alone: names and types of its fields, the text below each. Flags are read by tyro, whose own
help has one list in the order of inheritance and says ``{None}|STR`` where a flag may be left out.
"""

import ast
import dataclasses
import inspect
import itertools
import re
import shutil
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from tagalign.cli.shared.general_flags import GENERAL_FLAGS

WIDEST = 110
ORDER = ("labels", "prompts", "model", "encoder")
LONGEST_CHOICE = 60
"""A longer choice stands below its flag, not beside it."""


def page(kind: Any, verb: str) -> str:
    """The help of a settings class, or of a choice of several (subcommands).

    Args:
        kind: dataclass, or a union of dataclasses.
        verb: as typed, subcommand included.
    """
    members = subcommands(kind)
    if members:
        width = max(map(len, members))
        choices = [f"  {name:<{width}}  {_summary(member)}" for name, member in members.items()]
        head = f"usage: tagalign {verb} {{{','.join(members)}}} [flags]"
        return "\n".join(
            [head, "", *choices, "", f"tagalign {verb} {next(iter(members))} --help shows the flags of one"]
        )
    text, examples = _split_examples(inspect.getdoc(kind) or "")
    lines = [f"usage: tagalign {verb}{_positionals(kind)} [flags]", "", *_wrapped(text, 0)]
    for title, owner in _groups(kind):
        rows = [_row(field, owner) for field in _own_fields(kind, owner)]
        if rows:
            lines += ["", f"{title}:", *[line for row in rows for line in row]]
    lines += ["", "flags of every verb:"]
    lines += [line for flag, text in GENERAL_FLAGS.items() for line in (f"  {flag}", *_wrapped(text, 6))]
    if examples:
        lines += ["", "example:" if len(examples) == 1 else "examples:"]
        lines += [line for example in examples for line in _wrapped(example, 2, join=" \\")]
    return "\n".join(lines)


def subcommands(kind: Any) -> dict[str, Any]:
    """The dataclasses of a union by the names that the command line gives them; empty for a single one."""
    kind = made(kind)
    if typing.get_origin(kind) not in {typing.Union, types.UnionType}:
        return {}
    return {_dashed(member.__name__): member for member in typing.get_args(kind)}


def _dashed(name: str) -> str:
    """``LabelStudio`` as ``label-studio``: tyro's rule for a class."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _summary(kind: Any) -> str:
    return (inspect.getdoc(kind) or "").split("\n")[0]


def _split_examples(text: str) -> tuple[str, list[str]]:
    head, *examples = text.split("Example:")
    return head.strip(), [" ".join(example.split()) for example in examples]


def _groups(kind: Any) -> Iterator[tuple[str, Any]]:
    """Titles and the classes whose fields stand below: the verb's own first, then labels, the model, long runs."""
    yield "flags", kind
    # the order of inheritance is the programmer's; people look for labels before devices
    shared = [owner for owner in kind.__mro__[1:] if dataclasses.is_dataclass(owner)]
    for owner in sorted(shared, key=_rank):
        yield _summary(owner).rstrip(".").lower(), owner


def _rank(owner: Any) -> int:
    """Labels first, then what they compete with, the model, and last what only long runs need."""
    return next((i for i, word in enumerate(ORDER) if word in _summary(owner)), len(ORDER))


def _own_fields(kind: Any, owner: Any) -> list[dataclasses.Field[Any]]:
    """Fields that a class declares itself, as the settings class holds them."""
    mine = inspect.get_annotations(owner)
    taken: set[str] = set()
    for earlier in kind.__mro__:
        if earlier is owner:
            break
        # a field that a verb declares anew stands in its own group, with its own text
        taken |= set(inspect.get_annotations(earlier))
    return [field for field in dataclasses.fields(kind) if field.name in mine and field.name not in taken]


def _row(field: dataclasses.Field[Any], owner: Any) -> list[str]:
    hint = typing.get_type_hints(owner, include_extras=True)[field.name]
    text = _field_texts(owner).get(field.name, "")
    if len("|".join(choices_of(hint))) > LONGEST_CHOICE:
        text += f" One of {', '.join(choices_of(hint))}."
    if field.default is True:
        text += f" On by default; {_typed(field, hint)} turns it off."
    default = _default(field)
    body = f"{text} (default: {default})" if default else text
    return [f"  {_typed(field, hint)}", *_wrapped(body, 6)]


def _typed(field: dataclasses.Field[Any], hint: Any) -> str:
    """A flag as one types it.

    A switch that is on by default is shown by the word that turns it off.
    """
    flag = f"--{field.name.replace('_', '-')}"
    if _is_positional(hint):
        return field.name.upper()
    if _plain(hint) is bool:
        return flag.replace("--", "--no-", 1) if field.default is True else flag
    return f"{flag} {_metavar(hint)}"


def _is_positional(hint: Any) -> bool:
    return typing.get_origin(hint) is Annotated and any(
        "positional" in str(mark).lower() for mark in hint.__metadata__
    )


def _positionals(kind: Any) -> str:
    hints = typing.get_type_hints(kind, include_extras=True)
    shown = ""
    for field in dataclasses.fields(kind):
        if _is_positional(hints[field.name]):
            many = " ..." if typing.get_origin(_plain(hints[field.name])) is tuple else ""
            shown += f" {field.name.upper()}{many}"
    return shown


def _plain(hint: Any) -> Any:
    """The type without its marks and without None; of a choice that a table decides, the choice."""
    hint = made(hint)
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else hint
    return hint


def made(hint: Any) -> Any:
    """The type without its marks; one that a table decides as it is now."""
    if typing.get_origin(hint) is not Annotated:
        return hint
    makers = (getattr(mark, "constructor_factory", None) for mark in hint.__metadata__)
    return next((make() for make in makers if make is not None), typing.get_args(hint)[0])


def settings_kind(run: Any) -> Any:
    """What a verb's ``run`` takes: a settings class, or a union of them."""
    return made(typing.get_type_hints(run, include_extras=True)["settings"])


def choices_of(hint: Any) -> list[str]:
    """What a flag offers, by its type with its marks: the values of a Literal, or the names of a table; empty for others."""
    kind = _plain(hint)
    return list(map(str, typing.get_args(kind))) if typing.get_origin(kind) is Literal else []


def _metavar(hint: Any) -> str:
    kind = _plain(hint)
    if choices := choices_of(kind):
        shown = "|".join(choices)
        return shown if len(shown) <= LONGEST_CHOICE else "NAME"
    if typing.get_origin(kind) is tuple:
        return f"{_metavar(typing.get_args(kind)[0])} ..."
    return {int: "N", float: "X", Path: "PATH", str: "TEXT"}.get(kind, "VALUE")


def _default(field: dataclasses.Field[Any]) -> str:
    """What a flag is when it is left out, where that says something."""
    value = field.default
    if value in (None, False, True, (), "") or value is dataclasses.MISSING:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _field_texts(owner: Any) -> dict[str, str]:
    """The string below each field of a class; of a class that was made of options, their own texts."""
    declared = {f.name: f.metadata["text"] for f in dataclasses.fields(owner) if "text" in f.metadata}
    if declared:
        return declared
    # Python keeps no text below a field: it is read out of the source
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    texts: dict[str, str] = {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for statement, following in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            texts[statement.target.id] = " ".join(str(following.value.value).split())
    return texts


def _wrapped(text: str, indent: int, *, join: str = "") -> list[str]:
    width = min(WIDEST, shutil.get_terminal_size((100, 24)).columns) - indent - len(join)
    lines = [line for paragraph in text.split("\n\n") for line in _paragraph(paragraph, width)]
    last = len(lines) - 1
    return [
        " " * (indent + 2 if join and i else indent) + line + (join if i < last else "")
        for i, line in enumerate(lines)
    ]


def _paragraph(text: str, width: int) -> list[str]:
    """The lines of a paragraph; a list of commands keeps a line for each, or nobody can tell them apart."""
    lines = text.split("\n")
    if len(lines) > 1 and all(line.startswith("tagalign ") for line in lines):
        return lines
    return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)

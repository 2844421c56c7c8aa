"""Help pages: every flag that a verb reads stands there once, own flags first, and nothing of the reader's syntax."""

import dataclasses
import importlib
import re
import typing

import pytest

from tagalign.cli.main import main
from tagalign.cli.shared.help import page, subcommands
from tagalign.cli.verbs.table import VERBS


def kinds():
    for verb, (module, _) in VERBS.items():
        kind = typing.get_type_hints(importlib.import_module(module).run, include_extras=True)["settings"]
        for name, member in (subcommands(kind) or {"": kind}).items():
            yield pytest.param(member, f"{verb} {name}".strip(), id=f"{verb}-{name}")


@pytest.mark.parametrize(("kind", "verb"), list(kinds()))
def test_every_field_stands_once_with_a_text(kind, verb):
    lines = page(kind, verb).splitlines()
    for field in dataclasses.fields(kind):
        flag = field.name.replace("_", "-")
        rows = [
            i
            for i, line in enumerate(lines)
            if re.match(rf"  (--(no-)?{flag}|{field.name.upper()})( |$)", line)
        ]
        assert len(rows) == 1, f"{field.name} stands {len(rows)} times"
        assert lines[rows[0] + 1].startswith("      "), f"{field.name} has no text"


def test_own_flags_come_first_then_labels_then_the_model():
    text = page(
        typing.get_type_hints(importlib.import_module("tagalign.cli.verbs.segment.verb").run)["settings"],
        "segment",
    )
    places = [
        text.index(f"\n  {flag}") for flag in ("--overlay", "--labels TEXT", "--model TEXT", "--workers N")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("args", [["tag", "--help"], ["search", "-h"], ["export", "coco", "--help"]])
def test_help_is_asked_for_anywhere_and_exits_0(args, capsys):
    assert main(args) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: tagalign {args[0]}")
    assert "{None}" not in shown
    assert "[[STR" not in shown


def test_an_unknown_subcommand_is_refused_by_name(capsys):
    assert main(["export", "kokoo"]) == 2
    assert "coco" in capsys.readouterr().err


def test_each_example_and_each_command_has_a_line_of_its_own(capsys):
    assert main(["data", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example:" not in shown
    assert shown.endswith(
        "examples:\n"
        "  tagalign data check voc21 VOCdevkit\n"
        "  tagalign data fake coco-stuff --out drawn/coco-stuff --images 50\n"
    )
    assert [line.split()[2] for line in shown.splitlines() if line.startswith("tagalign ")] == [
        "list",
        "check",
        "fake",
    ]

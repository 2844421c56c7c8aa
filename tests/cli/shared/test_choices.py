"""Every choice that a flag offers is a type, equal to the table it belongs to; a wrong one is refused in one line."""

import dataclasses
import importlib
import json
import re
import typing

import pytest

from tagalign.backbones.modes import DENSE_MODES
from tagalign.cli.main import main
from tagalign.cli.shared import choices
from tagalign.cli.shared.help import _field_texts, choices_of, settings_kind, subcommands
from tagalign.cli.verbs.table import VERBS
from tagalign.cli.verbs.train.trainers import TRAINERS
from tagalign.data.benchmarks.catalog import BenchmarkKind
from tagalign.evaluate.protocols import PROTOCOLS
from tagalign.methods.dense.options import ProfileName
from tagalign.methods.table import METHODS
from tagalign.ops.precision import PrecisionChoice
from tagalign.ops.refine import REFINEMENTS
from tagalign.ops.tag_losses import TAG_LOSSES
from tagalign.tags.label_sets import WORDINGS, background_words, template_set
from tagalign.tags.parses import KINDS
from tagalign.train.loop.schedule import Schedule
from tagalign.train.tag2text.plan import Tag2TextSchedule

FREE = {"parser", "threshold", "model", "tokenizer"}
"""Flags whose text names words among other things: ``distilled:FOLDER``, ``relative:0.5``, a folder."""


def settings_classes():
    modules = [module for module, _ in VERBS.values()] + list(TRAINERS.values())
    for module in dict.fromkeys(modules):
        kind = settings_kind(importlib.import_module(module).run)
        yield from (subcommands(kind) or {"": kind}).values()


@pytest.mark.parametrize(
    ("choice", "table"),
    [
        (choices.PrecisionChoice, typing.get_args(PrecisionChoice)),
        (choices.Profile, typing.get_args(ProfileName)),
        (choices.Protocol, PROTOCOLS),
        (choices.TagKind, KINDS),
        (choices.Task, {*typing.get_args(BenchmarkKind), "retrieval", "caption-tags"}),
        (choices.Wording, {*WORDINGS, "both"}),
    ],
)
def test_a_choice_offers_what_its_table_has(choice, table):
    assert set(typing.get_args(choice)) == set(table)


@pytest.mark.parametrize(
    ("choice", "table"),
    [
        (choices.MethodName, METHODS),
        (choices.DenseMode, DENSE_MODES),
        (choices.TagLossChoice, TAG_LOSSES),
        (choices.RefinementChoice, ["none", *REFINEMENTS]),
    ],
)
def test_what_is_registered_is_offered(choice, table):
    assert set(choices_of(choice)) == set(table)


@pytest.mark.parametrize(
    ("choice", "find"), [(choices.Templates, template_set), (choices.BackgroundWords, background_words)]
)
def test_words_that_are_offered_are_those_of_the_package(choice, find):
    for name in typing.get_args(choice):
        find(name)
    with pytest.raises(ValueError, match=re.escape(", ".join(sorted(typing.get_args(choice))))):
        find("no such set")


def test_choices_of_training_are_those_of_the_plans():
    kinds = {kind.__name__: typing.get_type_hints(kind) for kind in settings_classes()}
    assert set(typing.get_args(kinds["TrainSettings"]["schedule"])) == set(typing.get_args(Schedule))
    assert kinds["Tag2TextTrainSettings"]["schedule"] == Tag2TextSchedule


@pytest.mark.parametrize("kind", list(settings_classes()), ids=lambda kind: kind.__name__)
def test_no_choice_is_typed_as_text(kind):
    """A text that lists words in backquotes, with an or, belongs to a type that knows them."""
    hints = typing.get_type_hints(kind)
    for owner in kind.__mro__[:-1]:
        for name, text in _field_texts(owner).items():
            if hints.get(name) in {str, str | None} and name not in FREE:
                assert not re.match(r"[\w ]*`[\w-]+`,? (or )?`", text), f"{name}: {text}"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["segment", "a.png", "--refine", "foo"], "unknown refine 'foo'. Known: crf, none, pamr"),
        (["tag", "a.png", "--method", "tagclp"], "unknown method 'tagclp'; did you mean 'tagclip'?"),
        (["tag", "a.png", "--engine", "rey"], "unknown engine 'rey'; did you mean 'ray'? Known: local, ray"),
        (["segment", "a.png", "--workers", "two"], "--workers takes a whole number, got 'two'"),
        (["segment", "a.png", "--threshold", "half"], "--threshold takes a number, got 'half'"),
        (["tag", "--workers"], "--workers needs a value"),
        (
            ["ask", "a.png", "--question", "x"],
            "QUESTION stands without a flag and needs a value; tagalign ask --help",
        ),
        (["data"], "ACTION missing; tagalign data --help says"),
        (["search", "index", "p", "--json"], "--json does not belong here; tagalign search --help lists"),
        (["tag", "--qqqqqq"], "unknown flag --qqqqqq; tagalign tag --help lists"),
        (["refer", "a.png"], "--phrase missing"),
        (["serve", "8000"], "'8000' stands where nothing is read"),
        (["export"], "expected one of coco, "),
        (["export", "koko"], "unknown kind of export 'koko'. Known: coco, cvat"),
        (["label", "x", "--vocabulary", "y", "--kinds", "objet"], "did you mean 'object'?"),
        (["evaluate", "--protocol", "plan"], "unknown protocol 'plan'; did you mean 'plain'?"),
        (["methods", "--can", "tags"], "unknown can 'tags'; did you mean 'tag'?"),
        (["models", "fetch"], "unknown action 'fetch'"),
        (["train", "--schedule", "cosin"], "unknown schedule 'cosin'; did you mean 'cosine'?"),
        (["search", "query", "a dog", "--model", "tiny"], "--model does not belong here"),
    ],
)
def test_a_wrong_value_is_answered_in_one_line(command, line, capsys):
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tagalign {command[0]}: ")
    assert line in said
    assert said.count("\n") == 1


def test_a_choice_of_a_settings_file_is_checked_too(tmp_path, capsys):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"settings": {"images": ["a.png"], "refine": "crff"}}))
    assert main(["segment", "--config", str(path)]) == 2
    assert "unknown refine 'crff'; did you mean 'crf'?" in capsys.readouterr().err


def test_each_settings_class_is_frozen():
    assert all(
        kind.__dataclass_params__.frozen for kind in settings_classes() if dataclasses.is_dataclass(kind)
    )

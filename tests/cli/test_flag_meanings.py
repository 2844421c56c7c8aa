"""One flag means one thing: one type and one subject in the whole command line; what differs is listed here with its reason.

Positional arguments are read by their place and are no flags.

Holds ``cli/shared/renamed.py``.
"""

import dataclasses
import importlib
import typing
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import pytest

from tagalign.cli.main import main, parse_settings
from tagalign.cli.shared.help import (
    _field_texts,
    _is_positional,
    _plain,
    choices_of,
    settings_kind,
    subcommands,
)
from tagalign.cli.shared.renamed import Formerly, former_names
from tagalign.cli.verbs.table import VERBS
from tagalign.cli.verbs.train.trainers import TRAINERS
from tagalign.errors import InputError

TYPES = {
    "form": "the exact form is another in each format: run-length code in COCO, masks in CVAT and labelme",
    "format": "tags of photos are a table too, parsed captions are not",
    "look": "`auto` of `tag` is no folder",
    "method": "a trainer is chosen before its flags are read, and takes its own name",
    "schedule": "`released` is Tag2Text's alone",
    "threshold": "masks and regions take a number; tags also a rule over all labels, such as top:5",
}
"""Flags of one subject that do not take the same everywhere, and why."""

ANY = 0
SUBJECTS = {
    "allow_pickle": ("whether weights of a pickle are opened", 2),
    "approximate": ("an approximate index beside the exact one", 3),
    "augmentation": ("what training does to pixels", 2),
    "background_words": ("words that compete and are never answered", 2),
    "batch_size": ("images that go through the model together", 5),
    "chunk": ("images that go through the encoder together within a step", 2),
    "compile": ("whether torch.compile is used", 2),
    "contrastive_weight": ("weight of the loss between images and captions", 2),
    "count": ("answers given at most", 2),
    "data": ("a benchmark, by its name", 2),
    "device": ("where it runs", 2),
    "dry_run": ("check, then stop", 3),
    "engine": ("this machine or a cluster", 2),
    "form": ("how masks are written", 3),
    "format": ("of the file that is written", 2),
    "heads": ("of the attention that is trained", 2),
    "host": ("address to listen on", 2),
    "image_size": ("side of the encoder's input in pixels", 2),
    "images": ("pictures to draw", 2),
    "index": ("folder of a search index", 2),
    "json": ("print JSON on standard output", ANY),
    "kinds": ("kinds of tags that count", 2),
    "labels": ("names, with commas", 3),
    "labels_file": ("names in a file", 3),
    "layers": ("of what is trained", 2),
    "learning_rate": ("of the optimiser", 4),
    "limit": ("only the first so many", 4),
    "loaders": ("processes that read and decode training images", 2),
    "look": ("a look at a folder", 4),
    "method": ("how it answers, or what is trained", 3),
    "min_area": ("smaller regions are left out, in pixels", 2),
    "model": ("the model or the encoder below it", 5),
    "order": ("of photos, the most doubtful first", 2),
    "out": ("where results are written", ANY),
    "overwrite": ("replace results of other settings", 3),
    "parser": ("of captions", 2),
    "part_size": ("photos per part", 2),
    "path": ("folder of the data set", 3),
    "photos": ("folder of photos", 3),
    "precision": ("of products: float32 or bfloat16", 2),
    "profile": ("switches of a method", 5),
    "refine": ("whether masks follow colours", 2),
    "rerank": ("of the best, so many are looked at again", 2),
    "resamples": ("drawings of the images", 2),
    "schedule": ("of the learning rate", 2),
    "seed": ("of what is random", ANY),
    "shard": ("every n-th piece of the work", 3),
    "short_side": ("of the model's input in pixels", 2),
    "size": ("side of training crops in pixels", 3),
    "split": ("of the benchmark", 3),
    "steps": ("of the optimiser", 4),
    "stitch": ("windows that see the whole photo", 2),
    "tag_list": ("the tags that ids point into", 2),
    "tag_loss_weight": ("weight of the tag loss", 2),
    "tag_weight": ("weight of shared tags in a ranking", 2),
    "tags": ("tags of captions", 2),
    "templates": ("prompts, a set by name", 3),
    "threshold": ("from which score on an answer is yes", 6),
    "unseen": ("names that training did not see", 2),
    "use_tags": ("whether recognised tags guide what is said", 2),
    "validate_every": ("steps between validations", 3),
    "vocab": ("vocab.txt of BERT", 2),
    "vocabulary": ("the list of tags with counts", 2),
    "warmup": ("steps over which the learning rate rises", 3),
    "weight_decay": ("of the optimiser", 2),
    "width": ("of what is trained", 3),
    "workers": (
        "what works side by side: threads that read and decode photos, processes that answer on a port",
        3,
    ),
}
"""Flags whose help is not the same in all verbs: the one subject of all these texts, and how many there are (``ANY`` where
each verb says what of).

Where a new text comes, read all of them together: a flag of another subject gets a name of its own.
"""


@dataclasses.dataclass(frozen=True)
class Flag:
    name: str
    verb: str
    kind: str
    text: str


def settings_kinds():
    """Every settings class with the words before its flags."""
    modules = {verb: module for verb, (module, _) in VERBS.items() if verb != "train"}
    modules |= {f"train {name}": module for name, module in TRAINERS.items()}
    for verb, module in modules.items():
        kind = settings_kind(importlib.import_module(module).run)
        for name, member in (subcommands(kind) or {"": kind}).items():
            yield f"{verb} {name}".strip(), member


def flags_of(verb, kind):
    texts: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if dataclasses.is_dataclass(owner):
            texts |= _field_texts(owner)
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if not _is_positional(hint):
            shown = "|".join(sorted(choices_of(hint))) or str(_plain(hint))
            yield Flag(field.name, verb, shown, texts[field.name])


@pytest.fixture(scope="module")
def flags():
    found = defaultdict(list)
    for verb, kind in settings_kinds():
        for flag in flags_of(verb, kind):
            found[flag.name].append(flag)
    return found


def test_the_walk_finds_flags_of_every_verb(flags):
    verbs = {flag.verb.split()[0] for same in flags.values() for flag in same}
    assert verbs == set(VERBS)
    assert {flag.verb for flag in flags["pairs"]} == {"train tagalign", "train groupvit"}


def test_a_flag_takes_the_same_in_every_verb(flags):
    several = {name for name, same in flags.items() if len({flag.kind for flag in same}) > 1}
    assert several == set(TYPES), "one name, one type; an exception needs its reason"


def test_a_flag_has_one_subject(flags):
    texts = {name: {flag.text for flag in same} for name, same in flags.items()}
    found = {
        name: ANY if SUBJECTS.get(name, ("", 1))[1] == ANY else len(several)
        for name, several in texts.items()
        if len(several) > 1
    }
    assert found == {name: count for name, (_, count) in SUBJECTS.items()}, (
        "read the texts of the flag together: another subject needs another name"
    )


RENAMED = [
    pytest.param(verb, kind, old, new, id=f"{verb} {old}")
    for verb, kind in settings_kinds()
    for old, new in former_names(kind).items()
]


def test_renamed_flags_are_known():
    assert len(RENAMED) >= 24


@pytest.mark.parametrize(("verb", "kind", "old", "new"), RENAMED)
def test_the_old_name_is_refused_with_the_new_one(verb, kind, old, new):
    before = {"labels": ["check", "dog"], "import tag2text": ["x", "--tag-list", "y"]}.get(
        verb, []
    )  # what must stand there anyway
    value = [] if typing.get_type_hints(kind)[new] is bool else ["1"]
    typed = f"--{'no-' * (not value)}{old.replace('_', '-')}"
    with pytest.raises(InputError) as refused:
        parse_settings(kind, [*before, typed, *value], verb=verb)
    assert (
        str(refused.value) == f"{typed} is {typed.replace(old.replace('_', '-'), new.replace('_', '-'))} now"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Renamed:
    """A settings class of one flag that was renamed."""

    pairs: Annotated[tuple[Path, ...], Formerly("data")] = ()
    """What is read."""


def test_settings_of_before_are_read_under_the_new_name(tmp_path):
    (tmp_path / "settings.json").write_text('{"settings": {"data": ["a.tar", "b.tar"], "gone": 1}}')
    read = parse_settings(Renamed, ["--config", str(tmp_path / "settings.json")], verb="train")
    assert read.pairs == (Path("a.tar"), Path("b.tar"))


def test_the_command_line_says_it_in_one_line(capsys):
    assert main(["train", "--data", "x.tar", "--tag-loss-weight", "0"]) == 2
    assert capsys.readouterr().err == "tagalign train: --data is --pairs now\n"

"""Flags of `train --method trusty`: presets of the papers, splits, and refusals in one line.

Holds ``cli/verbs/train/trusty/rehearsal.py``.
"""

import json
import re

import pytest

from tagalign.cli.main import parse_settings
from tagalign.cli.verbs.train.trusty.masks import class_split
from tagalign.cli.verbs.train.trusty.plan import make_plan
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings
from tagalign.cli.verbs.train.trusty.verb import run
from tagalign.data.benchmarks.tiny import tiny_segmentation
from tagalign.data.tiny_world import UNSEEN
from tagalign.errors import InputError
from tagalign.train.trusty.plan import TrustyPlan


def settings(*flags):
    return parse_settings(TrainTrustySettings, list(flags), verb="train")


@pytest.mark.parametrize(
    ("data", "steps", "prompts", "templates"),
    [("voc2012", 20_000, 10, 1), ("voc20", 20_000, 10, 1), ("coco-stuff", 80_000, 100, 15)],
)
def test_presets_are_the_papers(data, steps, prompts, templates):
    plan = make_plan(settings("--data", data, "--path", "somewhere"), default_crop=512)
    assert (plan.steps, plan.num_prompts, len(plan.templates)) == (steps, prompts, templates)
    assert (plan.batch_size, plan.learning_rate, plan.weight_decay, plan.warmup) == (16, 2e-4, 0.01, 1500)
    assert (plan.weights.mask, plan.weights.dice, plan.weights.trusty, plan.weights.cls) == (20, 1, 10, 0)
    assert (plan.setting, plan.trusty_target, plan.augmentation.crop) == ("inductive", "strict", 512)


def test_flags_win_over_presets():
    plan = make_plan(
        settings("--data", "voc20", "--steps", "7", "--prompts", "0", "--no-token"), default_crop=80
    )
    assert (plan.steps, plan.num_prompts, plan.has_token, plan.augmentation.crop) == (7, 0, False, 80)


def test_the_head_is_as_wide_and_drops_as_much_as_asked():
    given = ("--data", "tiny-world", "--hidden", "48", "--dropout", "0")
    plan = make_plan(settings(*given), default_crop=80)
    assert (plan.hidden, plan.dropout) == (48, 0.0)
    unsaid = make_plan(settings("--data", "tiny-world"), default_crop=80)
    assert (unsaid.hidden, unsaid.dropout) == (TrustyPlan().hidden, TrustyPlan().dropout) == (None, 0.1)
    for wrong in ("1", "-0.1", "nan"):
        with pytest.raises(InputError, match="dropout is a share from 0 to below 1, got"):
            make_plan(settings("--data", "tiny-world", "--dropout", wrong), default_crop=80)


def test_the_split_is_the_data_sets_or_the_users():
    data = tiny_segmentation("objects")
    own = class_split(settings("--data", "tiny-world-objects"), data)
    assert {own.names[i] for i in own.unseen} == set(UNSEEN)
    given = class_split(settings("--data", "tiny-world-objects", "--unseen", "dog, car"), data)
    assert given.names_of(given.unseen) == ("dog", "car")
    with pytest.raises(InputError, match="--unseen 'unicorn' is none of the classes"):
        class_split(settings("--data", "tiny-world-objects", "--unseen", "unicorn"), data)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "give --data NAME, or --photos and --masks"),
        (("--data", "voc1999"), "--data 'voc1999': training knows ade20k"),
        (("--photos", "a"), "needs --photos, --masks and --labels"),
        (("--data", "voc20", "--labels", "a,b"), "--labels names your own classes"),
        (("--data", "voc20", "--steps", "0"), "--steps must be at least 1, got 0"),
        (("--data", "voc20", "--hidden", "0"), "--hidden must be at least 1, got 0"),
        (("--data", "voc20", "--photos", "a", "--masks", "b"), "one of both ways"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        settings(*flags)


def test_a_run_writes_a_model_and_goes_on_from_there(clip_folder, tmp_path, capsys):
    flags = ("--data", "tiny-world-objects", "--model", str(clip_folder), "--out", str(tmp_path / "model"))
    small = ("--steps", "2", "--batch-size", "1", "--size", "16", "--limit", "3", "--device", "cpu")
    assert run(settings(*flags, *small)) == 0
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert (config["model_type"], config["trusty_target"], len(config["trained"])) == ("trusty", "strict", 22)
    record = json.loads((tmp_path / "model/settings.json").read_text())
    assert record["settings"]["data"] == "tiny-world-objects"
    before = (tmp_path / "model/model.safetensors").read_bytes()
    assert run(settings(*flags, *small)) == 0
    assert (tmp_path / "model/model.safetensors").read_bytes() == before
    assert "22 classes with masks" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds a run with seed = 0, now it is 1"):
        run(settings(*flags, *small, "--seed", "1"))


def test_own_images_without_folder_are_refused(tmp_path):
    with pytest.raises(Exception, match="--photos not found"):
        run(settings("--photos", str(tmp_path / "no"), "--masks", str(tmp_path), "--labels", "a,b"))


def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(tmp_path, capsys):
    given = ("--data", "tiny-world", "--limit", "4", "--size", "32", "--batch-size", "2", "--device", "cpu")
    assert run(settings(*given, "--out", str(tmp_path / "model"), "--micro-batch", "1", "--dry-run")) == 0
    lines = capsys.readouterr().out.splitlines()
    # up to ten, fewer where they take longer than its time limit
    assert re.search(r"images/s: \d+ steps of 2 images in", lines[0])
    assert "400 steps of 2 images, 200 rounds through 4:" in lines[-2]
    assert list(tmp_path.iterdir()) == []

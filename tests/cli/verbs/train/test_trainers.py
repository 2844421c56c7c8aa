"""`tagalign train --method NAME` reaches the trainer of that name, from the command line that users type."""

import json

import pytest

from tagalign.cli.main import main
from tagalign.cli.verbs.train.trainers import TRAINERS, training_module


@pytest.mark.parametrize(
    ("args", "method"),
    [
        (["--data", "x"], "tagalign"),
        (["--data", "x", "--method", "trusty"], "trusty"),
        (["--method=tag2text", "--data", "x"], "tag2text"),
        (["--method", "tagalign", "--data", "x"], "tagalign"),
        (["groupvit", "--data", "x"], "groupvit"),
    ],
)
def test_the_flag_chooses_the_module_and_is_taken_away(args, method):
    assert training_module(args) == (TRAINERS[method], ["--data", "x"])


def test_a_settings_file_chooses_it_too(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"settings": {"method": "trusty", "steps": 3}}))
    assert training_module(["--config", str(path)]) == (TRAINERS["trusty"], ["--config", str(path)])
    path.write_text("{")
    assert training_module(["--config", str(path)])[0] == TRAINERS["tagalign"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--method", "trusty"], "give --data NAME, or --photos and --masks"),
        (["--method", "tag2text"], "--records FILE and --tag-list FILE are needed"),
        (["--method", "maskclip"], "method to train"),
        (["--method"], "--method needs a value"),
    ],
)
def test_refusals_are_one_line(args, message, capsys):
    assert main(["train", *args]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_trusty_trains_from_the_command_line(tmp_path, capsys):
    sizes = ["--steps", "1", "--batch-size", "1", "--size", "16", "--limit", "2", "--prompts", "1"]
    flags = ["--data", "tiny-world-objects", *sizes]
    assert main(["train", "--method", "trusty", *flags, "--out", str(tmp_path / "model")]) == 0
    assert json.loads((tmp_path / "model/config.json").read_text())["model_type"] == "trusty"

"""What a builder is given: one encoder for all methods of a model, and refusals that say what to do."""

import json

import pytest
import torch

from tagalign.errors import InputError
from tagalign.methods import opened as module
from tagalign.methods.opened import Opened


def opened(**facts):
    facts = {"name": "tiny", "method": "tag2text", "trained": None, "device": torch.device("cpu")} | facts
    return Opened(**facts, build_other=lambda *given: None)


@pytest.fixture
def loaded(monkeypatch, unchecked_types):
    asked = []
    monkeypatch.setattr(
        module, "load_backbone", lambda name, **how: asked.append((name, how)) or name.upper()
    )
    return asked


def test_methods_on_one_model_load_it_once(loaded):
    first = opened(precision="bf16", compile=True, allow_pickle=True)
    second = first.as_method("tagclip")
    assert second.method == "tagclip"
    assert first.backbone() == second.backbone() == "TINY"
    how = {"device": torch.device("cpu"), "allow_pickle": True, "precision": "bf16", "compile": True}
    assert loaded == [("tiny", how)]


def test_a_trained_folder_leads_to_the_encoder_below_it(loaded, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"backbone": "below"}))
    assert opened(name=str(tmp_path), trained="tagalign").backbone() == "BELOW"
    assert opened(name=str(tmp_path)).backbone() == str(tmp_path).upper()


@pytest.mark.parametrize(
    ("given", "word"), [({"precision": "bf16"}, "precision"), ({"compile": True}, "compile")]
)
def test_an_encoder_without_choices_refuses_them(given, word):
    opened().refuse_encoder_choices()
    with pytest.raises(InputError, match=f"'tag2text'.*leave out {word}"):
        opened(**given).refuse_encoder_choices()


def test_a_missing_part_says_how_to_train_it_and_what_needs_none():
    one = opened(train_command="tagalign train --model {model}", without_training=("tagclip", "surgery"))
    assert str(one.missing_part()) == (
        "method 'tag2text' needs a trained part, and tiny has none; get one with: tagalign train --model tiny. "
        "These need no training: tagclip, surgery"
    )

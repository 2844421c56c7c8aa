"""Models that see and do not read: frozen, named by their weights, and refused when they are of another kind."""

import shutil

import pytest
import torch
import transformers

from tagalign.backbones.vision_only import load_vision_only
from tagalign.errors import ModelError
from tagalign.testing.companion_folder import make_companion_folder

KINDS = {"dinov2": "Dinov2Model"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_companion_folder(tmp_path_factory.mktemp("companion"))


def test_the_model_is_transformers_own_frozen_and_named(folder):
    found = load_vision_only(str(folder), KINDS, what="a companion")
    theirs = transformers.Dinov2Model.from_pretrained(folder).eval()
    pixels = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        # the same float32 operations
        assert torch.equal(found.model(pixels).last_hidden_state, theirs(pixels).last_hidden_state)
    assert not found.model.training
    assert not any(parameter.requires_grad for parameter in found.model.parameters())
    assert found.facts() == {"model": str(folder), "weight_hash": found.weight_hash, "family": "dinov2"}
    assert len(found.weight_hash) >= 16
    assert found.processor == {}
    assert found.revision == ""


def test_other_weights_have_another_hash_and_a_processor_is_read(folder, tmp_path):
    other = make_companion_folder(tmp_path / "other", seed=1)
    (other / "preprocessor_config.json").write_text('{"size": 28}')
    found = load_vision_only(str(other), KINDS, what="a companion")
    assert found.weight_hash != load_vision_only(str(folder), KINDS, what="a companion").weight_hash
    assert found.processor == {"size": 28}


def test_another_kind_is_refused_with_those_that_would_do(folder):
    with pytest.raises(ModelError, match=r"expected a mask generator \(model_type sam\), got 'dinov2'"):
        load_vision_only(str(folder), {"sam": "SamModel"}, what="a mask generator")


def test_weights_that_do_not_fit_are_refused_in_one_line(folder, tmp_path):
    mixed = shutil.copytree(folder, tmp_path / "mixed")
    wide = make_companion_folder(tmp_path / "wide", width=32)
    shutil.copy(wide / "model.safetensors", mixed / "model.safetensors")
    with pytest.raises(ModelError, match="cannot be built as a companion") as caught:
        load_vision_only(str(mixed), KINDS, what="a companion")
    assert "\n" not in str(caught.value)

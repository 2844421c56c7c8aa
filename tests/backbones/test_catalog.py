"""Models that can and cannot be opened."""

import json
import shutil

import pytest
import torch

from tagalign.backbones.load import load_backbone
from tagalign.errors import ModelError


@pytest.fixture
def copy(clip_folder, tmp_path):
    return shutil.copytree(clip_folder, tmp_path / "model")


def test_a_folder_opens_with_its_hash(clip_folder, backbone):
    assert (backbone.embed_dim, backbone.width, backbone.patch_size) == (16, 32, 8)
    assert len(backbone.weight_hash) == 16
    assert load_backbone(str(clip_folder)).weight_hash == backbone.weight_hash


def test_truncated_weights(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="may be truncated"):
        load_backbone(str(copy))


def test_pickle_is_refused(copy):
    torch.save({}, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"as a pickle alone .* --allow-pickle"):
        load_backbone(str(copy))
    with pytest.raises(ModelError, match=r"as a pickle alone .* --allow-pickle"):
        load_backbone(str(copy / "pytorch_model.bin"))


def test_folder_that_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"not a model folder \(config\.json is missing\)"):
        load_backbone(str(tmp_path))


def test_another_architecture(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ModelError, match="model_type 'bert' cannot be used"):
        load_backbone(str(copy))


def test_weights_of_another_shape(copy):
    config = json.loads((copy / "config.json").read_text())
    config["vision_config"]["hidden_size"] = 64
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="weights"):
        load_backbone(str(copy))


def test_missing_tokenizer(copy):
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        load_backbone(str(copy))


def test_name_that_is_nothing():
    with pytest.raises(ModelError, match="give 'tiny', a model folder, or a hub id"):
        load_backbone("no-such-model")

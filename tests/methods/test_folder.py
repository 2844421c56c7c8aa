"""Model folders come back as they went in, and whatever does not fit is named."""

import json

import pytest
import torch
from torch import nn

from tagalign.errors import ModelError
from tagalign.methods.folder import (
    FORMAT,
    check_encoder,
    load_strictly,
    load_tensors,
    read_folder_config,
    save_folder,
)


@pytest.fixture
def folder(tmp_path):
    tensors = {"weight": torch.arange(6.0).view(2, 3).T, "bias": torch.ones(3, requires_grad=True)}
    save_folder(tmp_path / "m", config={"model_type": "mine"}, tensors=tensors, texts={"README.md": "é"})
    return tmp_path / "m"


def test_what_was_saved_comes_back(folder):
    found = load_tensors(folder)
    assert torch.equal(found["weight"], torch.arange(6.0).view(2, 3).T)  # a view that was not contiguous
    assert torch.equal(found["bias"], torch.ones(3))
    assert read_folder_config(folder, model_type="mine") == {"format": FORMAT, "model_type": "mine"}
    assert (folder / "README.md").read_text(encoding="utf-8") == "é"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_another_kind_and_a_newer_format_are_refused(folder):
    with pytest.raises(ModelError, match="expected a other model, got model_type 'mine'"):
        read_folder_config(folder, model_type="other")
    (folder / "config.json").write_text(json.dumps({"model_type": "mine", "format": FORMAT + 1}))
    with pytest.raises(ModelError, match="by a newer tagalign"):
        read_folder_config(folder, model_type="mine")


def test_a_truncated_file_is_named(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match=r"model\.safetensors: cannot be read"):
        load_tensors(folder)


def state(**changes):
    tensors = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)} | changes
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (state(bias=None), "bias is missing"),
        (state(other=torch.zeros(1)), "other is unknown"),
        (state(weight=torch.zeros(3, 2)), r"weight has shape \(3, 2\), expected \(2, 3\)"),
        (state(bias=torch.tensor([0.0, float("nan")])), "bias is not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(tmp_path, tensors, said):
    layer = nn.Linear(3, 2)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ModelError, match=said):
        load_strictly(layer, tensors, folder=tmp_path)
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_weights_that_fit_are_taken(tmp_path):
    layer = nn.Linear(3, 2)
    load_strictly(layer, state(), folder=tmp_path)
    assert not layer.weight.any()


def test_another_encoder_is_refused_by_its_weights_or_its_sizes(tmp_path, backbone):
    own = {"name": "mine", "weight_hash": backbone.weight_hash}
    sizes = (backbone.width, backbone.embed_dim)
    check_encoder(tmp_path, backbone, **own)
    check_encoder(tmp_path, backbone, **own, sizes=sizes)
    with pytest.raises(
        ModelError, match=f"trained on mine with weights other, found weights {backbone.weight_hash}"
    ):
        check_encoder(tmp_path, backbone, **own | {"weight_hash": "other"}, sizes=sizes)
    with pytest.raises(
        ModelError, match=rf"made for width 7 and dimension 9, mine has {sizes[0]} and {sizes[1]}"
    ):
        check_encoder(tmp_path, backbone, **own, sizes=(7, 9))

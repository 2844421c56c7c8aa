"""The released state dict, rebuilt from the golden weights by our own reverse mapping, becomes the golden model again."""

import json
import pickle

import pytest
import torch
from released_tag2text import released_state
from safetensors.torch import load_file

from tagalign.errors import ModelError
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.folder import load_parameters
from tagalign.methods.tag2text.released import convert_released, read_checkpoint, released_choice


@pytest.fixture
def weights(golden):
    return load_file(golden / "weights.safetensors")


@pytest.fixture
def state(weights):
    return released_state(weights)


@torch.no_grad()
def test_the_converted_checkpoint_is_the_golden_model(golden, state):
    converted = convert_released(state, image_size=64)
    assert converted.unmapped == ()
    model = build_tag2text(num_tags=converted.num_tags, **converted.sizes).eval()
    load_parameters(model, converted.tensors, where="test")
    outputs = load_file(golden / "outputs.safetensors")
    images = load_file(golden / "inputs.safetensors")["images"]
    logits = model.tag_logits(model.image_encoder(images))
    # golden README: 1e-4 absolute
    torch.testing.assert_close(logits, outputs["B.tag_logits"], atol=1e-4, rtol=0)


def test_sizes_are_read_from_the_shapes(golden, state):
    sizes = convert_released(state, image_size=64).sizes
    config = json.loads((golden / "config.json").read_text())
    swin = sizes["image_encoder"]["config"]
    assert {k: swin[k] for k in ("embed_dim", "depths", "num_heads", "window_size", "patch_size")} == {
        k: config["swin"][k] for k in ("embed_dim", "depths", "num_heads", "window_size", "patch_size")
    }
    for part in ("tag_encoder", "text_decoder"):
        for key in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "encoder_hidden_size",
            "intermediate_size",
        ):
            assert sizes[part][key] == config[part][key]


def test_every_key_without_a_place_is_listed(state):
    state |= {"image_proj.weight": torch.zeros(1), "wordvec_proj.bias": torch.zeros(1)}
    assert convert_released(state).unmapped == ("image_proj.weight", "wordvec_proj.bias")


def test_copies_of_a_shared_tensor_must_agree(state):
    name = "tagging_head.encoder.layer.1.output.dense.weight"
    state[name] = state[name] + 1
    with pytest.raises(ModelError, match="are one tensor in Tag2Text, but differ"):
        convert_released(state)


def test_a_checkpoint_of_another_model_is_refused():
    with pytest.raises(ModelError, match="is it Tag2Text with a Swin image encoder"):
        convert_released({"conv1.weight": torch.zeros(3)})


def test_a_lost_tensor_is_named_when_the_model_is_filled(state):
    del state["tag_encoder.encoder.layer.2.output.dense.bias"]
    converted = convert_released(state, image_size=64)
    model = build_tag2text(num_tags=converted.num_tags, **converted.sizes)
    with pytest.raises(ModelError, match=r"tag_encoder.encoder.layer.2.output.dense.bias is missing"):
        load_parameters(model, converted.tensors, where="test")


class Evil:
    """What a hostile checkpoint would hold."""

    def __reduce__(self):
        return (print, ("this must never be printed",))


def test_code_in_a_checkpoint_is_never_run(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    torch.save({"model": Evil()}, path)
    with pytest.raises(ModelError, match="a pickle can run code"):
        read_checkpoint(path)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError):
        read_checkpoint(tmp_path / "plain.pth")
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_damaged_checkpoints_are_refused(tmp_path, content):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.pth"):
        read_checkpoint(path)


def test_no_state_dict_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="expected a state dict"):
        read_checkpoint(tmp_path / "list.pth")
    with pytest.raises(ModelError, match="no such file"):
        read_checkpoint(tmp_path / "none.pth")


def test_released_thresholds_and_deletions():
    choice = released_choice(3429)
    assert choice.thresholds[[0, 2701, 2828, 1167]].tolist() == pytest.approx([0.68, 0.7, 0.7, 0.7])
    assert choice.deleted.nonzero()[:, 0].tolist() == [127, 2961, 3265, 3338, 3351, 3355, 3359]
    assert not released_choice(4585).deleted.any()  # with another list these indices mean other tags


@pytest.mark.slow  # 372 M parameters: 1.5 GB and about a minute
def test_the_released_shapes_convert(tmp_path):
    from tagalign.methods.tag2text.build import bert_base, swin_base

    sizes = {
        "image_encoder": swin_base(image_size=384),
        "tag_encoder": bert_base(encoder_hidden_size=1024),
        "text_decoder": bert_base(encoder_hidden_size=768),
    }
    model = build_tag2text(num_tags=3429, **sizes)
    own = model.own_parameters()
    reverse = {
        "image_encoder.model.": "visual.",
        "tag_head.label_embed.": "label_embed.",
        "tag_head.fc.": "fc.",
    }
    named = {}
    for name, value in own.items():
        for ours, theirs in reverse.items():
            if name.startswith(ours):
                name = theirs + name.removeprefix(ours)
        named[name] = value.detach()
    torch.save({"model": released_state(named)}, tmp_path / "tag2text_swin_14m.pth")
    # specs: 371.9 M unique parameters at 224; the larger window of 384 adds bias table rows
    assert 370e6 < sum(p.numel() for p in own.values()) < 374e6
    converted = convert_released(read_checkpoint(tmp_path / "tag2text_swin_14m.pth"))
    assert converted.unmapped == ()
    assert (converted.num_tags, converted.image_size) == (3429, 384)
    assert converted.tensors.keys() == own.keys()
    assert all(torch.equal(converted.tensors[k], own[k]) for k in own)

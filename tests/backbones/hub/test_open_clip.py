"""open_clip's names and config give transformers' model the numbers of open_clip's own code."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel

from tagalign.backbones.hub.open_clip import (
    config_of_archive,
    to_clip_config,
    to_clip_names,
    to_pixel_rule,
)
from tagalign.errors import ModelError

GOLDEN = Path(__file__).parents[2] / "parity/golden/openclip"
CASES = ("quickgelu", "custom_text")


def read_case(name):
    folder = GOLDEN / name
    config = json.loads((folder / "open_clip_config.json").read_text())
    return config, load_file(folder / "weights.safetensors"), load_file(folder / "inputs.safetensors")


@pytest.mark.parametrize("case", CASES)
def test_transformers_gives_open_clips_numbers(case):
    config, tensors, inputs = read_case(case)
    model = CLIPModel(CLIPConfig.from_dict(to_clip_config(config, where=case))).eval()
    model.load_state_dict(to_clip_names(tensors, where=case))  # strict: nothing lost, nothing left over
    with torch.no_grad():
        out = model(pixel_values=inputs["image"], input_ids=inputs["input_ids"])
    wanted = load_file(GOLDEN / case / "outputs.safetensors")
    # two float32 implementations of the same sums; the golden folder allows 1e-4 of the largest value
    for name in ("image_embeds", "text_embeds"):
        unit = wanted[name] / wanted[name].norm(dim=-1, keepdim=True)
        assert (out[name] - unit).abs().max() < 1e-5
    assert (out.logits_per_image - wanted["logits"]).abs().max() < 1e-4 * wanted["logits"].abs().max()


def base():
    config, tensors, _ = read_case("quickgelu")
    return config, tensors


def test_what_is_dropped_and_what_is_reshaped():
    _, tensors = base()
    extra = {
        "attn_mask": torch.zeros(3, 3),
        "input_resolution": torch.tensor(32),
        "vocab_size": torch.tensor(60),
    }
    renamed = to_clip_names(tensors | extra | {"logit_scale": torch.ones(1)}, where="x")
    assert renamed["logit_scale"].shape == ()
    assert renamed.keys() == to_clip_names(tensors, where="x").keys()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("visual.trunk.blocks.0.attn.qkv.weight", "timm"),
        ("visual.attnpool.q_proj.weight", "ResNet"),
        ("visual.layer1.0.conv1.weight", "ResNet"),
        ("text.transformer.embeddings.word_embeddings.weight", "Hugging Face hub"),
        ("visual.attn_pool.query", "CoCa"),
        ("visual.transformer.resblocks.0.ls_1.gamma", "layer scale"),
        ("text.cls_emb", "class token in its text tower"),
        ("text.text_projection.weight", "linear layer"),
        ("logit_bias", "logit bias"),
        ("visual.transformer.resblocks.0.attn.rope", "has no place"),
        ("something", "something has no place"),
    ],
)
def test_what_a_clip_cannot_hold_is_refused_by_name(name, says):
    _, tensors = base()
    with pytest.raises(ModelError, match=says) as caught:
        to_clip_names(tensors | {name: torch.zeros(3)}, where="org/model")
    assert str(caught.value).startswith("org/model: ")
    assert "\n" not in str(caught.value)


def test_a_tower_without_its_first_norm_is_refused():
    _, tensors = base()
    left = {name: tensor for name, tensor in tensors.items() if "ln_pre" not in name}
    with pytest.raises(ModelError, match=r"visual\.ln_pre"):
        to_clip_names(left, where="x")


@pytest.mark.parametrize(
    ("part", "key", "value", "says"),
    [
        ("vision_cfg", "timm_model_name", "vit_base_patch16_siglip_224", "timm"),
        ("vision_cfg", "layers", [3, 4, 6, 3], "ResNet"),
        ("text_cfg", "hf_model_name", "roberta-base", "roberta-base"),
        ("vision_cfg", "ls_init_value", 1e-4, "ls_init_value = 0.0001"),
        ("vision_cfg", "pool_type", "avg", "pool_type = 'avg'"),
        ("text_cfg", "no_causal_mask", True, "no_causal_mask"),
        ("text_cfg", "embed_cls", True, "embed_cls"),
        ("text_cfg", "proj_type", "none", "proj_type"),
        ("vision_cfg", "act_kwargs", {"approximate": "tanh"}, "act_kwargs"),
        ("vision_cfg", "norm_kwargs", {"eps": 1e-6}, "norm_kwargs"),
        ("vision_cfg", "no_ln_pre", True, "no_ln_pre"),
        ("", "multimodal_cfg", {"width": 8}, "CoCa"),
        ("", "init_logit_bias", -10.0, "init_logit_bias"),
        ("vision_cfg", "image_size", [32, 64], "32 x 64"),
        ("vision_cfg", "image_size", -32, "got -32"),
        ("vision_cfg", "width", 33, "multiple of the head width"),
        ("vision_cfg", "image_size", 4, "smaller than one patch"),
        ("vision_cfg", "patch_size", "8", "patch_size"),
        ("vision_cfg", "mlp_ratio", 0, "mlp_ratio"),
        ("text_cfg", "heads", 5, "no multiple of 5 heads"),
        ("", "embed_dim", None, "embed_dim"),
        ("", "vision_cfg", None, "vision_cfg is missing"),
    ],
)
def test_options_a_clip_does_not_have(part, key, value, says):
    config, _ = base()
    inner = config["model_cfg"][part] if part else config["model_cfg"]
    inner[key] = value
    with pytest.raises(ModelError, match=says):
        to_clip_config(config, where="org/model")


@pytest.mark.parametrize(
    ("width", "head_width", "mlp_ratio", "heads", "inner"),
    [
        (768, None, None, 12, 3072),
        (1280, 80, None, 16, 5120),
        (1664, 104, 4.9231, 16, 8192),
    ],  # B, H-14, bigG-14
)
def test_heads_and_inner_width(width, head_width, mlp_ratio, heads, inner):
    vision = {"width": width, "head_width": head_width, "mlp_ratio": mlp_ratio, "patch_size": 14, "layers": 2}
    given = {key: value for key, value in vision.items() if value is not None}
    found = to_clip_config(
        {"embed_dim": 8, "vision_cfg": given, "text_cfg": {}}, where="x"
    )  # the bare inner level
    assert found["vision_config"]["num_attention_heads"] == heads
    assert found["vision_config"]["intermediate_size"] == inner
    assert found["vision_config"]["hidden_act"] == "gelu"
    assert (found["text_config"]["bos_token_id"], found["text_config"]["eos_token_id"]) == (49406, 49407)


def test_values_that_say_nothing_are_read_over():
    config, _ = base()
    config["model_cfg"]["vision_cfg"] |= {
        "ls_init_value": None,
        "pool_type": "tok",
        "patch_dropout": 0.5,
        "no_ln_pre": False,
    }
    config["model_cfg"]["text_cfg"] |= {
        "pool_type": "argmax",
        "hf_tokenizer_name": "",
        "no_causal_mask": False,
    }
    assert to_clip_config(config, where="x") == to_clip_config(base()[0], where="x")


def test_pixels():
    mean = [0.5, 0.5, 0.5]
    rule = to_pixel_rule(
        {"preprocess_cfg": {"mean": mean, "std": mean, "resize_mode": "squash"}}, image_size=256
    )
    assert rule["image_mean"] == mean
    assert rule["size"] == {"height": 256, "width": 256}
    assert to_pixel_rule({}, image_size=224)["image_mean"][0] == pytest.approx(0.48145466)
    assert to_pixel_rule({}, image_size=224)["size"] == {"shortest_edge": 224}


def test_the_config_of_an_archive_is_that_of_its_shapes():
    widths = {"embed_dim": 16, "quick_gelu": True}
    vision = {"image_size": 32, "patch_size": 8, "width": 128, "layers": 3}
    text = {"context_length": 12, "vocab_size": 60, "width": 64, "heads": 1, "layers": 2}
    config = to_clip_config(widths | {"vision_cfg": vision, "text_cfg": text}, where="x")
    names = ("input_resolution", "context_length", "vocab_size")
    tensors = {
        "visual.conv1.weight": torch.zeros(128, 3, 8, 8),
        "visual.ln_pre.weight": torch.zeros(128),
        "visual.positional_embedding": torch.zeros(17, 128),
        "token_embedding.weight": torch.zeros(60, 64),
        "positional_embedding": torch.zeros(12, 64),
        "text_projection": torch.zeros(64, 16),
        **{f"visual.transformer.resblocks.{i}.ln_1.weight": torch.zeros(128) for i in range(3)},
        **{f"transformer.resblocks.{i}.ln_1.weight": torch.zeros(64) for i in range(2)},
        **{name: torch.tensor(1) for name in names},
    }
    assert config_of_archive(tensors, where="x") == config
    for name in names:
        with pytest.raises(ModelError, match="activation is unknown"):
            config_of_archive({k: v for k, v in tensors.items() if k != name}, where="x")

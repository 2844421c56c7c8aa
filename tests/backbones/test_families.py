"""Every family against transformers' own classes and against laws that need no real weights.

Holds ``backbones/clip.py``, ``backbones/siglip.py``, ``backbones/metaclip2.py``, ``backbones/tips.py``,
``backbones/towers/block.py``, ``backbones/towers/pooling.py``, ``backbones/towers/shapes.py``,
``backbones/towers/text.py``, ``backbones/towers/vision.py``, ``backbones/towers/layers.py``, ``backbones/family.py``.
"""

import json
import shutil

import pytest
import torch
import transformers

from tagalign.backbones.families import FAMILIES, REFUSED
from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import BlockBackbone
from tagalign.backbones.weights import open_tensors
from tagalign.errors import ModelError
from tagalign.testing.encoder_folders import KINDS, make_encoder_folder

# float32 through eight blocks in another order of operations, values up to 5
TOL = {"rtol": 1e-4, "atol": 2e-5}
SIZES = [(32, 32), (40, 56), (45, 30)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("families")
    return {kind: make_encoder_folder(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def encoders(folders):
    return {kind: load_backbone(str(folder)) for kind, folder in folders.items()}


@pytest.fixture(scope="module")
def oracles(folders):
    classes = {kind: getattr(transformers, KINDS[kind].model) for kind in folders}
    opened = {kind: classes[kind].from_pretrained(folder) for kind, folder in folders.items()}
    return {kind: model.eval().requires_grad_(False) for kind, model in opened.items()}


def images(size, seed=0, count=2):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def whole(pixels):
    """Without the pixels that fill no patch; the oracles refuse those."""
    return pixels[:, :, : pixels.shape[2] // 8 * 8, : pixels.shape[3] // 8 * 8]


def sized(kind):
    """TIPSv2 resizes positions always, the others when asked."""
    return {} if kind == "tipsv2" else {"interpolate_pos_encoding": True}


def rows_of(kind, oracle, pixels):
    """Rows after the last block and the last norm, by the class itself."""
    rows = oracle.vision_model(pixels, **sized(kind)).last_hidden_state
    # MetaCLIP 2 gives them before its last norm
    return oracle.vision_model.post_layernorm(rows) if kind == "metaclip_2" else rows


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_our_blocks_end_in_the_rows_of_the_class(kind, size, encoders, oracles):
    encoder, pixels = encoders[kind], images(size)
    x, grid = encoder.embed_patches(pixels)
    for block in encoder.blocks:
        x = block(x)
    assert grid == (size[0] // 8, size[1] // 8)
    expected = rows_of(kind, oracles[kind], whole(pixels))
    torch.testing.assert_close(encoder.post_norm(x), expected, **TOL)
    plain = encoder.encode_dense(pixels, mode="clip").patches
    torch.testing.assert_close(encoder.post_norm(plain), expected[:, encoder.num_prefix :], **TOL)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_image_embeddings_are_those_of_the_class(kind, size, encoders, oracles):
    pixels = images(size)
    found = oracles[kind].get_image_features(whole(pixels), **sized(kind)).pooler_output
    torch.testing.assert_close(encoders[kind].embed_images(pixels), found, **TOL)


@pytest.mark.parametrize("kind", KINDS)
def test_maskclip_is_the_last_layer_with_a_mask_of_the_diagonal(kind, encoders, oracles):
    encoder, pixels = encoders[kind], images((40, 56))
    vision = oracles[kind].vision_model
    layers = vision.encoder.layer if kind == "tipsv2" else vision.encoder.layers
    seen = []
    hook = layers[-1].register_forward_pre_hook(
        lambda _, given, named: seen.append(given or named), with_kwargs=True
    )
    vision(pixels, **sized(kind))
    hook.remove()
    x = seen[0][0] if isinstance(seen[0], tuple) else seen[0]["hidden_states"]
    count = x.shape[1]
    alone = torch.full((count, count), torch.finfo(x.dtype).min).fill_diagonal_(0)
    expected = layers[-1](x, attention_mask=alone[None, None])
    expected = expected[0] if isinstance(expected, tuple) else expected
    found = encoder.encode_dense(pixels, mode="maskclip").patches
    torch.testing.assert_close(found, expected[:, encoder.num_prefix :], **TOL)


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_siglips_image_is_its_patches_averaged_as_values_before_the_mlp(kind, encoders, oracles):
    encoder, pixels = encoders[kind], images((40, 56))
    head = encoder.vision.head
    normed = encoder.post_norm(encoder.encode_dense(pixels, mode="clip").patches)
    attention = head.attention(normed)
    torch.testing.assert_close(attention.sum(dim=-1), torch.ones(attention.shape[:2]))
    values = head.v(normed).unflatten(2, (head.num_heads, -1))
    mixed = torch.einsum("bhn,bnhd->bhd", attention, values).flatten(1)
    h = head.o(mixed)
    pooled = h + head.mlp(head.norm(h))
    found = oracles[kind].get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
    torch.testing.assert_close(pooled, found, **TOL)
    averaged = torch.einsum("bhn,bnd->bd", attention, head(normed)) / head.num_heads
    assert (averaged - found).abs().max() > 100 * TOL[
        "atol"
    ]  # the MLP is curved: embeddings cannot be averaged


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_an_image_of_one_patch_is_its_patch(kind, encoders, oracles):
    encoder, pixels = encoders[kind], images((8, 8))
    patch = encoder.project(encoder.encode_dense(pixels, mode="clip").patches)[:, 0]
    found = oracles[kind].get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
    torch.testing.assert_close(patch, found, **TOL)
    torch.testing.assert_close(encoder.embed_images(pixels), patch, **TOL)


PROMPTS = ["a red car", "dog", "a photo of two dogs in a park"]


@pytest.mark.parametrize("kind", KINDS)
def test_text_embeddings_are_those_of_the_class(kind, encoders, oracles):
    encoder = encoders[kind]
    ids = encoder.tokenizer(PROMPTS)
    mask = {"attention_mask": (ids != 0).long()} if kind == "tipsv2" else {}
    expected = oracles[kind].get_text_features(ids, **mask).pooler_output
    torch.testing.assert_close(encoder.encode_text(PROMPTS), expected, **TOL)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_counts_for_siglip_alone(kind, encoders):
    encoder = encoders[kind]
    ids = encoder.tokenizer(["dog"])
    real = int((ids[0] != encoder.tokenizer.pad_id).sum()) + (
        encoder.tokenizer.pad_id == encoder.tokenizer.eos_id
    )
    short, context = ids[:, :real], encoder.tokenizer.context
    long = torch.cat([short, torch.full((1, context - real), encoder.tokenizer.pad_id)], dim=1)
    one, other = encoder.encode_ids(short), encoder.encode_ids(long)
    if encoder.family == "siglip":
        assert torch.cosine_similarity(one, other).item() < 0.99
    else:
        torch.testing.assert_close(one, other, **TOL)


def test_metaclip_2_reads_at_its_first_end_and_not_at_the_highest_id(encoders):
    encoder = encoders["metaclip_2"]
    ids = encoder.tokenizer(["a dog", "a dog and a red car"])
    changed = ids.clone()
    place = int((ids[0] == 2).int().argmax())
    changed[0, place + 1 :] = 50  # what stands after the end token
    torch.testing.assert_close(encoder.encode_ids(changed)[0], encoder.encode_ids(ids)[0], **TOL)
    tower = encoder.text.tower
    highest = tower.head(tower.post_norm(_causal_rows(tower, ids)[torch.arange(2), ids.argmax(dim=1)]))
    assert not torch.allclose(highest, encoder.encode_ids(ids), **TOL)


def _causal_rows(tower, ids):
    x = tower.tokens[ids] + tower.positions[: ids.shape[1]]
    for block in tower.blocks:
        x = block.causal(x)
    return x


@pytest.mark.parametrize("mode", DENSE_MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_batches_and_cut_images_in_every_mode(kind, mode, encoders):
    encoder, pixels = encoders[kind], images((45, 30))
    both = encoder.encode_dense(pixels, mode=mode)
    for i in range(2):
        alone = encoder.encode_dense(pixels[i : i + 1], mode=mode)
        torch.testing.assert_close(alone.patches[0], both.patches[i], **TOL)
    cut = encoder.encode_dense(pixels[:, :, :40, :24], mode=mode)
    assert torch.equal(cut.patches, both.patches)
    assert both.patches.shape == (2, 15, 32)
    assert (both.cls is None) == (encoder.num_prefix == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_facts_of_a_family(kind, encoders):
    encoder = encoders[kind]
    assert isinstance(encoder, BlockBackbone)
    assert encoder.family == KINDS[kind].model.lower().removesuffix("model").replace(
        "metaclip2", "metaclip_2"
    )
    assert encoder.num_prefix == {"metaclip_2": 1, "siglip": 0, "siglip2": 0, "tipsv2": 2}[kind]
    # 1 / 0.005066 is not capped at 100
    assert encoder.logit_scale == pytest.approx(197.3956 if kind == "tipsv2" else 100, rel=1e-5)
    assert encoder.logit_bias == (-10 if encoder.family == "siglip" else 0)
    assert encoder.preprocessing.squash == (kind != "metaclip_2")


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_of_a_trained_head_is_the_familys_own_where_that_is_linear(kind, encoders):
    encoder = encoders[kind]
    rows = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    head = encoder.linear_head()
    normed = torch.nn.functional.layer_norm(rows, (32,), head.norm_weight, head.norm_bias, eps=1e-6)
    found, own = normed @ head.projection.T, encoder.project(rows)
    if encoder.family == "siglip":  # curved; a plane through it points the same way
        assert torch.cosine_similarity(found, own).mean() > 0.9
    else:
        torch.testing.assert_close(found, own, **TOL)


# --- text rules -------------------------------------------------------------------------------------------------------


def names_of(encoder, prompt):
    engine = encoder.tokenizer._files._engine
    return [engine.id_to_token(i) for i in encoder.tokenizer([prompt])[0].tolist()]


def test_siglip_lowers_drops_punctuation_and_pads_with_its_end(encoders):
    found = names_of(encoders["siglip"], "A dog,  Here!")
    assert found[:11] == ["▁", "a", "▁", "d", "o", "g", "▁", "h", "e", "r", "e"]
    assert found[11:] == ["</s>"] * 53


def test_siglip_2_keeps_punctuation_and_pads_right_with_zero(encoders):
    found = names_of(encoders["siglip2"], "A dog!")
    assert found[:8] == ["▁", "a", "▁", "d", "o", "g", "!", "<eos>"]
    assert found[8:] == ["<pad>"] * 56


def test_metaclip_2_keeps_case_between_its_marks(encoders):
    assert names_of(encoders["metaclip_2"], "A dog") == ["<s>", "▁", "A", "▁", "d", "o", "g", "</s>"]


def test_tipsv2_lowers_and_has_no_marks(encoders):
    found = names_of(encoders["tipsv2"], "A Dog")
    assert found[:6] == ["▁", "a", "▁", "d", "o", "g"]
    assert found[6:] == ["<pad>"] * 58


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_the_end_stays_where_a_prompt_is_cut(kind, encoders):
    with pytest.warns(UserWarning, match="longer than the 64 tokens"):
        ids = encoders[kind].tokenizer(["word " * 40])
    assert ids.shape == (1, 64)
    assert ids[0, -1] == encoders[kind].tokenizer.eos_id


def test_the_rule_of_siglip_2_is_found_by_its_vocabulary_too(tmp_path):
    folder = make_encoder_folder(tmp_path / "m", "siglip2", text={"vocab_size": 120_000})
    (folder / "tokenizer_config.json").unlink()
    assert load_backbone(str(folder)).tokenizer.rule.end == "<eos>"


# --- forms of files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def copy_of(folders, tmp_path):
    return lambda kind: shutil.copytree(folders[kind], tmp_path / kind)


def change(folder, **values):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key, value in values.items():
        part, _, name = key.partition("__")
        if name:
            config[part][name] = value
        else:
            config[part] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("gated", [False, True])
def test_tipsv2_under_its_authors_names_and_without_a_temperature(gated, tmp_path):
    folder = make_encoder_folder(tmp_path / "m", "tipsv2", vision={"use_swiglu_ffn": gated})
    config = json.loads((folder / "config.json").read_text())
    published = open_tensors(
        folder / "model.safetensors"
    )  # transformers saves it as its authors name and pack it
    assert "vision_encoder.blocks.0.attn.qkv.weight" in published
    published.pop("temperature")
    oracle = transformers.Tipsv2Model.from_pretrained(folder)
    ours, theirs = (FAMILIES["tipsv2"].build(config, given) for given in (oracle.state_dict(), published))
    pixels, ids = images((40, 56)), torch.tensor([[5, 6, 7, 0, 0]])
    assert torch.equal(ours.embed_images(pixels), theirs.embed_images(pixels))
    assert torch.equal(ours.encode_ids(ids), theirs.encode_ids(ids))
    assert theirs.logit_scale == pytest.approx(197.39563)


def test_a_swiglu_is_that_of_the_class(tmp_path):
    folder = make_encoder_folder(tmp_path / "m", "tipsv2", vision={"use_swiglu_ffn": True})
    oracle = transformers.Tipsv2Model.from_pretrained(folder).eval()
    pixels = images((40, 56))
    with torch.no_grad():
        expected = oracle.get_image_features(pixels).pooler_output
    torch.testing.assert_close(load_backbone(str(folder)).embed_images(pixels), expected, **TOL)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_files_open_as_float32(kind, dtype, copy_of, encoders):
    from safetensors.torch import save_file

    folder = copy_of(kind)
    tensors = open_tensors(folder / "model.safetensors")
    save_file({k: v.to(dtype).clone() for k, v in tensors.items()}, folder / "model.safetensors.new")
    (folder / "model.safetensors.new").replace(folder / "model.safetensors")
    half = load_backbone(str(folder))
    assert half.dtype == torch.float32
    a, b = half.embed_images(images((32, 32))), encoders[kind].embed_images(images((32, 32)))
    assert torch.cosine_similarity(a, b).min() > 0.99  # 8 bits of mantissa in every weight


def test_a_config_of_siglip_2_as_published_says_next_to_nothing(tmp_path):
    config = {
        "model_type": "siglip",
        "text_config": {"model_type": "siglip_text_model", "vocab_size": 256000},
        "vision_config": {"model_type": "siglip_vision_model", "image_size": 512},
    }
    vision, text = FAMILIES["siglip"].shapes(config)
    assert (vision.width, vision.layers, vision.heads, vision.patch_size, vision.image_size) == (
        768,
        12,
        12,
        16,
        512,
    )
    assert (text.width, text.vocabulary, text.context, text.dim) == (768, 256000, 64, 768)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("siglip", {"vision_config__vision_use_head": False}, "cut from a chat model has no text space"),
        (
            "siglip",
            {"vision_config__hidden_size": -32},
            "hidden_size: expected a positive whole number, got -32",
        ),
        ("siglip", {"text_config__projection_size": 16}, "16 dimensions and images 32"),
        ("tipsv2", {"text_config__hidden_size": 16}, "16 dimensions and images 32"),
        ("tipsv2", {"temperature_init_value": -1}, "temperature: expected a positive number"),
        ("metaclip_2", {"vision_config__num_attention_heads": 5}, "not a multiple of num_attention_heads 5"),
        ("metaclip_2", {"vision_config__hidden_act": "swish2"}, "hidden_act: expected one of quick_gelu"),
        ("metaclip_2", {"text_config__eos_token_id": 5}, "ends a text with token 5, the tokenizer with 2"),
        ("tipsv2", {"vision_config__patch_size": 64}, "image_size 32 is smaller than patch_size 64"),
        ("siglip", {"model_type": "siglip2"}, "naflex.*google/siglip2-base-patch16-224"),
    ],
)
def test_configs_that_are_refused(kind, values, message, copy_of):
    folder = copy_of(kind)
    change(folder, **values)
    if "temperature" in str(values):
        tensors = open_tensors(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text())
        tensors.pop("temperature", None)
        with pytest.raises(ModelError, match=message):
            FAMILIES["tipsv2"].build(config, tensors)
        return
    with pytest.raises(ModelError, match=message):
        load_backbone(str(folder))


@pytest.mark.parametrize("name", REFUSED)
def test_other_models_are_refused_with_what_to_take(name, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"take |tag2text") as caught:
        load_backbone(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_left_over_weights(kind, folders):
    config = json.loads((folders[kind] / "config.json").read_text())
    tensors = open_tensors(folders[kind] / "model.safetensors")
    family = FAMILIES[config["model_type"]]
    name = next(name for name in tensors if name.endswith((".mlp.fc1.weight", ".mlp.c_fc.weight")))
    with pytest.raises(ModelError, match="is missing"):
        family.build(config, {k: v for k, v in tensors.items() if k != name})
    with pytest.raises(ModelError, match="surplus is left over"):
        family.build(config, {**tensors, "surplus": torch.zeros(2)})
    with pytest.raises(ModelError, match=r"has shape \[3\]"):
        family.build(config, {**tensors, name: torch.zeros(3)})

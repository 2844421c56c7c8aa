"""Dense modes against transformers' own forward and plain loops over heads and tokens.

Holds ``backbones/modes/clip.py``, ``backbones/modes/maskclip.py``, ``backbones/modes/sclip.py``,
``backbones/modes/clearclip.py``, ``backbones/modes/naclip.py``, ``backbones/modes/surgery.py``,
``backbones/frozen.py``.
"""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.backbones.families import FAMILIES
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.modes.naclip import SIGMA
from tagalign.backbones.protocols import Backbone, BlockBackbone
from tagalign.errors import InputError, UnknownNameError

# float32 through eight layers in another order of operations
TOL = {"rtol": 1e-5, "atol": 2e-6}


@pytest.fixture(scope="module")
def oracle(clip_folder):
    """The same weights in transformers' own class."""
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(clip_folder).eval().requires_grad_(False)


@pytest.fixture
def pixels():
    return torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def hidden_states(oracle, pixels):
    output = oracle.vision_model(pixels, interpolate_pos_encoding=True, output_hidden_states=True)
    return output.hidden_states


@torch.no_grad()
def last_block_by_hand(oracle, x, weights_of):
    """Attention output of the last block for every token, one head and one token at a time."""
    block = oracle.vision_model.encoder.layers[-1]
    normed = block.layer_norm1(x)
    heads, width = block.self_attn.num_heads, x.shape[-1]
    dim = width // heads
    projections = [getattr(block.self_attn, f"{name}_proj")(normed) for name in "qkv"]
    out = torch.zeros_like(x)
    for b in range(len(x)):
        for head in range(heads):
            q, k, v = (p[b, :, head * dim : (head + 1) * dim] for p in projections)
            for token in range(x.shape[1]):
                out[b, token, head * dim : (head + 1) * dim] = weights_of(q, k, token, dim) @ v
    return block.self_attn.out_proj(out)


def softmax_row(query, keys, dim):
    return (keys @ query / math.sqrt(dim)).softmax(0)


def test_plain_mode_equals_transformers(backbone, oracle, pixels):
    features = backbone.encode_dense(pixels, mode="clip")
    expected = hidden_states(oracle, pixels)[-1]
    torch.testing.assert_close(features.patches, expected[:, 1:], **TOL)
    torch.testing.assert_close(features.cls, expected[:, 0], **TOL)
    assert features.grid == (4, 6)


@pytest.mark.parametrize("mode", sorted(DENSE_MODES))
def test_class_token_is_clips_own_in_every_mode(backbone, oracle, pixels, mode):
    expected = oracle.get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
    embeds = backbone.project(backbone.encode_dense(pixels, mode=mode).cls)
    torch.testing.assert_close(embeds, expected, **TOL)


def test_maskclip_keeps_residual_and_feed_forward(backbone, oracle, pixels):
    x = hidden_states(oracle, pixels)[-2]
    alone = last_block_by_hand(oracle, x, lambda q, k, t, d: F.one_hot(torch.tensor(t), len(k)).float())
    expected = backbone.blocks[-1].feed_forward(x + alone)[:, 1:]
    torch.testing.assert_close(backbone.encode_dense(pixels, mode="maskclip").patches, expected, **TOL)


def test_sclip_adds_both_self_similarities(backbone, oracle, pixels):
    x = hidden_states(oracle, pixels)[-2]

    def weights(q, k, t, d):
        return softmax_row(q[t], q, d) + softmax_row(k[t], k, d)

    mixed = last_block_by_hand(oracle, x, weights)
    expected = backbone.blocks[-1].feed_forward(x + mixed)[:, 1:]
    torch.testing.assert_close(backbone.encode_dense(pixels, mode="sclip").patches, expected, **TOL)


def test_clearclip_is_query_query_attention_alone(backbone, oracle, pixels):
    x = hidden_states(oracle, pixels)[-2]
    mixed = last_block_by_hand(oracle, x, lambda q, k, t, d: softmax_row(q[t], q, d))
    torch.testing.assert_close(backbone.encode_dense(pixels, mode="clearclip").patches, mixed[:, 1:], **TOL)


@torch.no_grad()
def test_surgery_adds_value_value_attention_of_every_ordinary_input(backbone, oracle, pixels):
    states = hidden_states(oracle, pixels)  # the input of each block, then the output of the last
    dense = states[-7]
    for back in range(6, 0, -1):
        block = oracle.vision_model.encoder.layers[-back]
        values = block.self_attn.v_proj(block.layer_norm1(states[-back - 1]))
        mixed = [
            (v @ v.mT / math.sqrt(v.shape[-1])).softmax(-1) @ v
            for v in values.chunk(block.self_attn.num_heads, dim=-1)
        ]
        dense = dense + block.self_attn.out_proj(torch.cat(mixed, dim=-1))
    torch.testing.assert_close(backbone.encode_dense(pixels, mode="surgery").patches, dense[:, 1:], **TOL)


def test_naclip_prefers_near_patches(backbone, oracle, pixels):
    x = hidden_states(oracle, pixels)[-2]
    cols = 6

    def weights(q, k, t, d):
        logits = k @ k[t] / math.sqrt(d)
        for other in range(1, len(k)):
            if t > 0:
                gap = ((t - 1) // cols - (other - 1) // cols) ** 2 + (
                    (t - 1) % cols - (other - 1) % cols
                ) ** 2
                logits[other] += math.exp(-gap / (2 * SIGMA**2))
        return logits.softmax(0)

    mixed = last_block_by_hand(oracle, x, weights)
    torch.testing.assert_close(backbone.encode_dense(pixels, mode="naclip").patches, mixed[:, 1:], **TOL)


def test_wrapping_never_changes_the_model(backbone, pixels):
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    for mode in DENSE_MODES:
        backbone.encode_dense(pixels, mode=mode)
    assert all(torch.equal(before[name], tensor) for name, tensor in backbone.state_dict().items())


def test_the_encoder_stays_frozen_and_in_evaluation_mode(backbone):
    backbone.train()
    assert not backbone.training
    assert not backbone.vision.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_bfloat16_is_close_to_float32(clip_folder, backbone, pixels):
    from tagalign.backbones.load import load_backbone

    low = load_backbone(str(clip_folder), dtype=torch.bfloat16).encode_dense(pixels, mode="surgery").patches
    high = backbone.encode_dense(pixels, mode="surgery").patches
    assert low.dtype == torch.bfloat16
    # 8 bits of mantissa through eight layers
    assert F.cosine_similarity(low.float(), high, dim=-1).min() > 0.999


def test_unknown_mode_names_the_nearest(backbone, pixels):
    with pytest.raises(UnknownNameError, match="did you mean 'maskclip'"):
        backbone.encode_dense(pixels, mode="maskclp")


def test_image_smaller_than_a_patch_is_refused(backbone):
    with pytest.raises(InputError, match="at least 8 x 8 pixels, got 7 x 90"):
        backbone.encode_dense(torch.zeros(1, 3, 7, 90))


def test_text_embeddings_equal_transformers(backbone, oracle, clip_folder):
    from transformers import CLIPTokenizer

    prompts = ["a photo of a dog", "x", "a much longer prompt about a red car"]
    tokenizer = CLIPTokenizer.from_pretrained(clip_folder)
    inputs = tokenizer(prompts, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = oracle.get_text_features(**inputs).pooler_output
    torch.testing.assert_close(backbone.encode_text(prompts), expected, **TOL)


def test_long_prompt_is_cut_like_clip_with_a_warning(backbone, clip_folder):
    from transformers import CLIPTokenizer

    prompt = "word " * 60
    with pytest.warns(UserWarning, match="longer than the 77 tokens"):
        ids = backbone.tokenizer([prompt])
    cut = CLIPTokenizer.from_pretrained(clip_folder)(prompt, truncation=True, max_length=77)["input_ids"]
    assert ids.tolist() == [cut]


def test_emoji_and_chinese_are_ordinary_text(backbone):
    embeds = backbone.encode_text(["🐕", "狗", "dog"])
    assert embeds.isfinite().all()
    assert not torch.allclose(embeds[0], embeds[1])


def test_empty_prompt_is_refused(backbone):
    with pytest.raises(InputError, match="prompt 1 is empty"):
        backbone.encode_text(["dog", "  "])


def test_it_is_a_backbone_with_blocks(backbone):
    assert isinstance(backbone, Backbone)
    assert isinstance(backbone, BlockBackbone)
    assert (backbone.family, backbone.num_prefix, backbone.mlp_width) == ("clip", 1, 128)


@pytest.mark.parametrize("size", [(32, 32), (32, 48), (45, 30)])
def test_image_embeddings_equal_transformers(backbone, oracle, size):
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(3))
    whole = images[:, :, : size[0] // 8 * 8, : size[1] // 8 * 8]  # it refuses pixels that fill no patch
    expected = oracle.get_image_features(whole, interpolate_pos_encoding=True).pooler_output
    torch.testing.assert_close(backbone.embed_images(images), expected, **TOL)


def test_float32_weights_are_mapped_not_copied(clip_folder):
    from tagalign.backbones.weights import open_tensors

    tensors = open_tensors(clip_folder / "model.safetensors")
    one = tensors["vision_model.encoder.layers.0.mlp.fc1.weight"]
    encoder = FAMILIES["clip"].build(json.loads((clip_folder / "config.json").read_text()), tensors)
    assert encoder.blocks[0].mlp.fc1.weight.data_ptr() == one.data_ptr()

"""Our attention over BLIP's weights against BLIP's own forward, and step by step against all at once."""

import pytest
import torch
from transformers import BlipTextConfig, BlipTextLMHeadModel, BlipTextModel

from tagalign.methods.tag2text.text_layers import (
    attend,
    caption_logits,
    decode_step,
    encode_text,
    key_value,
    recognise,
    start_memory,
)

# float32, two layers of width 16, values near 1: another order of sums differs by some 1e-7
TOL = {"rtol": 1e-5, "atol": 2e-6}


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    sizes = dict(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=16, initializer_range=0.3,
    )  # fmt: skip
    encoder = BlipTextModel(BlipTextConfig(**sizes, encoder_hidden_size=10), add_pooling_layer=False).eval()
    return encoder, BlipTextLMHeadModel(BlipTextConfig(**sizes, encoder_hidden_size=16)).eval()


@pytest.fixture
def rows():
    g = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 20, (3, 7), generator=g)
    mask = torch.arange(7) < torch.tensor([7, 4, 2])[:, None]
    return ids, mask, torch.randn(3, 5, 10, generator=g), torch.randn(3, 6, 16, generator=g)


@torch.no_grad()
def test_encoder_equals_blip(parts, rows):
    ids, mask, image, _ = rows
    theirs = parts[0](
        ids, attention_mask=mask.long(), encoder_hidden_states=image, is_decoder=False
    ).last_hidden_state
    torch.testing.assert_close(encode_text(parts[0], ids, mask, image), theirs, **TOL)


@torch.no_grad()
def test_decoder_equals_blip_when_padding_is_seen(parts, rows):
    ids, mask, _, states = rows
    theirs = parts[1](ids, attention_mask=mask.long(), encoder_hidden_states=states).logits
    torch.testing.assert_close(caption_logits(parts[1], ids, mask, states, None), theirs, **TOL)


@torch.no_grad()
def test_masked_states_equal_shortened_states(parts, rows):
    ids, mask, _, states = rows
    seen = torch.arange(6) < torch.tensor([6, 3, 1])[:, None]
    masked = caption_logits(parts[1], ids, mask, states, seen)
    for i, count in enumerate((6, 3, 1)):
        short = caption_logits(parts[1], ids[i : i + 1], mask[i : i + 1], states[i : i + 1, :count], None)
        torch.testing.assert_close(masked[i : i + 1], short, **TOL)
    assert not torch.allclose(masked[2], caption_logits(parts[1], ids, mask, states, None)[2], atol=1e-3)


@torch.no_grad()
def test_steps_with_memory_equal_one_pass(parts, rows):
    ids, _, _, states = rows
    whole = caption_logits(parts[1], ids, ids > 0, states, None)
    logits, memory = decode_step(parts[1], ids[:, :3], start_memory(parts[1], states, None))
    torch.testing.assert_close(logits, whole[:, 2], **TOL)
    for i in range(3, 7):
        logits, memory = decode_step(parts[1], ids[:, i : i + 1], memory)
        torch.testing.assert_close(logits, whole[:, i], **TOL)


@torch.no_grad()
def test_beams_of_an_image_share_its_states(parts, rows):
    ids, _, _, states = rows
    _, memory = decode_step(parts[1], ids[:, :2], start_memory(parts[1], states, None))
    memory = memory.pick(rows=[0, 0, 2, 2], images=[0, 2])
    tokens = torch.tensor([[5], [6], [7], [8]])
    logits, _ = decode_step(parts[1], tokens, memory)
    for row, image in enumerate((0, 0, 2, 2)):
        full = torch.cat([ids[image : image + 1, :2], tokens[row : row + 1]], dim=1)
        alone = caption_logits(parts[1], full, full > 0, states[image : image + 1], None)[0, -1]
        torch.testing.assert_close(logits[row], alone, **TOL)
    assert memory.states[0][0].shape[0] == 2


@torch.no_grad()
def test_recognition_uses_no_self_attention(parts, rows):
    image = rows[2]
    layers = list(parts[0].encoder.layer)
    queries = torch.randn(3, 9, 16)
    together = recognise(layers, queries, image, num_heads=2)
    alone = recognise(layers, queries[:, 4:5], image, num_heads=2)
    torch.testing.assert_close(together[:, 4:5], alone, **TOL)


@torch.no_grad()
def test_the_head_count_matters(parts, rows):
    attention, image = parts[0].encoder.layer[0].crossattention, rows[2]
    queries = torch.randn(3, 9, 16)
    two, four = (
        attend(attention, queries, key_value(attention, image, num_heads=n), num_heads=n) for n in (2, 4)
    )
    assert not torch.allclose(two, four, atol=1e-3)

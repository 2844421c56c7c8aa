"""Tag heads: one product per tag, against a loop; the linear one sees the global token alone."""

import torch
from transformers import BlipTextConfig, BlipTextModel

from tagalign.methods.tag2text.tag_heads import GroupWiseLinear, LinearTagHead, RecognitionHead


def test_each_tag_has_a_product_of_its_own():
    layer = GroupWiseLinear(5, 8)
    states = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    found = layer(states)
    for image in range(3):
        for tag in range(5):
            wanted = torch.dot(layer.W[0, tag], states[image, tag]) + layer.b[0, tag]
            torch.testing.assert_close(
                found[image, tag], wanted, rtol=1e-5, atol=1e-6
            )  # order of a float32 sum


def test_the_start_is_bounded_by_the_width():
    torch.manual_seed(0)
    layer = GroupWiseLinear(50, 16)
    for values in (layer.W, layer.b):
        assert values.abs().max() <= 0.25
    assert layer.W.abs().max() > 0.24  # of 800 uniform draws


def test_the_linear_head_reads_the_global_token():
    head = LinearTagHead(num_tags=4, image_width=6)
    tokens = torch.randn(2, 7, 6, generator=torch.Generator().manual_seed(0))
    unused = BlipTextModel(
        BlipTextConfig(vocab_size=4, hidden_size=4, num_hidden_layers=0, num_attention_heads=1)
    )
    found = head(tokens, unused)
    tokens[:, 1:] += 1
    assert torch.equal(head(tokens, unused), found)
    torch.testing.assert_close(found, tokens[:, 0] @ head.fc.weight.T + head.fc.bias)
    assert head.tag_vectors is head.fc.weight


def test_a_recognition_head_without_layers_keeps_its_queries():
    head = RecognitionHead(num_tags=3, width=8)
    assert head.layers is None
    assert head.tag_vectors is head.label_embed.weight
    assert head.tag_vectors.shape == (3, 8)

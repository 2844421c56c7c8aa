"""How the parts hang together: what is shared, what is not, which heads exist, what the seams refuse.

Holds ``methods/tag2text/build.py`` and ``methods/tag2text/alignment.py``.
"""

import pytest
import torch

from tagalign.errors import MissingPartError, ModelError
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.image_encoders import resize_bias_table


def test_recognition_runs_the_tag_encoders_own_layers(model):
    layer = model.tag_encoder.encoder.layer[0]
    tokens = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    before = model.tag_logits(tokens)
    with torch.no_grad():
        layer.crossattention.self.query.bias.add_(1.0)
        changed = model.tag_logits(tokens)
        layer.crossattention.self.query.bias.sub_(1.0)
        layer.attention.self.query.bias.add_(1.0)  # self-attention is no part of it
        same = model.tag_logits(tokens)
        layer.attention.self.query.bias.sub_(1.0)
    assert not torch.allclose(before, changed)
    assert torch.equal(before, same)


def test_own_head_has_its_own_layers_and_linear_sees_the_global_token(sizes):
    tokens = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    own = build_tag2text(num_tags=8, **sizes(head="own")).eval()
    shared = {p.data_ptr() for p in own.tag_encoder.parameters()}
    assert not any(p.data_ptr() in shared for p in own.tag_head.parameters())
    assert own.tag_logits(tokens).shape == (2, 8)
    linear = build_tag2text(num_tags=8, **sizes(head="linear")).eval()
    moved = tokens.clone()
    moved[:, 1:] += 1
    assert torch.equal(linear.tag_logits(tokens), linear.tag_logits(moved))
    assert not torch.allclose(own.tag_logits(tokens), own.tag_logits(moved))


def test_alignment_shares_the_decoders_cross_attention_and_nothing_else(model):
    ours = {n: p.data_ptr() for n, p in model.alignment.text.named_parameters()}
    theirs = {p.data_ptr() for p in model.text_decoder.parameters()}
    assert all((pointer in theirs) == ("crossattention" in name) for name, pointer in ours.items())


def test_every_parameter_is_owned_once(model):
    own = model.own_parameters()
    assert len({p.data_ptr() for p in own.values()}) == len(own)
    assert sum(p.numel() for p in own.values()) == sum(p.numel() for p in model.parameters())


def test_embeddings_have_unit_length_and_matching_needs_the_image(model, wordpieces):
    tokens = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(0))
    ids, mask = wordpieces.batch(["a dog", "red cat on the grass", "train"], first=wordpieces.enc)
    with torch.no_grad():
        for embeds in (model.alignment.embed_images(tokens), model.alignment.embed_texts(ids, mask)):
            torch.testing.assert_close(embeds.norm(dim=-1), torch.ones(3))
        match = model.alignment.match_logits(ids, mask, tokens)
        other = model.alignment.match_logits(ids, mask, tokens.flip(0))
    assert not torch.allclose(match[0], other[0])
    torch.testing.assert_close(match[1], other[1])  # the middle one met the same image


def test_a_model_without_alignment_says_how_to_get_one(sizes):
    plain = build_tag2text(num_tags=8, **sizes(alignment=False))
    with pytest.raises(MissingPartError, match="tagalign train --method tag2text"):
        plain.aligned()


def test_seeds_decide_the_weights_and_leave_the_global_generator_alone(sizes):
    state = torch.get_rng_state()
    a, b, c = (build_tag2text(num_tags=8, **sizes(), seed=s).tag_head.fc.W for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s["tag_encoder"].update(encoder_hidden_size=17), "the image tokens have 16"),
        (lambda s: s["text_decoder"].update(encoder_hidden_size=16), "the tag states have 24"),
        (lambda s: s["image_encoder"].update(kind="resnet"), "unknown image encoder 'resnet'"),
        (lambda s: s["tag_head"].update(kind="deep"), "unknown tag head 'deep'"),
        (lambda s: s["tag_encoder"].update(num_attention_heads=5), "make no Tag2Text model"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, change, match):
    values = sizes()
    change(values)
    with pytest.raises((ModelError, ValueError), match=match):
        build_tag2text(num_tags=8, **values)


def test_bias_table_of_the_same_size_is_kept():
    table = torch.randn(169, 4)
    assert resize_bias_table(table, window=7) is table


def test_bias_table_keeps_centre_corners_and_smooth_shapes():
    # a cubic polynomial of the old offsets is reproduced where old and new offsets coincide: centre, 1 step, corners
    table = torch.randn(13, 13, 2, generator=torch.Generator().manual_seed(0))
    resized = resize_bias_table(table.flatten(0, 1), window=12).unflatten(0, (23, 23))
    for old, new in ((6, 11), (5, 10), (7, 12)):
        # the spline passes through its nodes: 1e-5 is float32 and the bisection's 1e-6
        torch.testing.assert_close(resized[new, new], table[old, old], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        resized[0, 0], table[0, 0], atol=1e-4, rtol=0
    )  # the outermost node lies within 1e-5
    constant = resize_bias_table(torch.full((169, 1), 2.5), window=12)
    torch.testing.assert_close(constant, torch.full((529, 1), 2.5))

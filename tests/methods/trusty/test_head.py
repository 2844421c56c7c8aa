"""The head: against plain loops, its laws, its size at ViT-B/16, and what stays frozen."""

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.trusty.head import MaskLayer, TrustyHead
from tagalign.methods.trusty.learner import INPUTS, LEARNERS, learner_input
from tagalign.methods.trusty.network import TrustyNetwork, TrustySizes

DIM = 16
# float32 products of 16 to 64 numbers
TOL = dict(atol=1e-5, rtol=0)


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def make_head(**settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return TrustyHead(DIM, num_heads=4, **settings).eval()


@pytest.fixture
def features():
    """Patches on a 3 x 5 grid, class tokens, and four class names."""
    patches = unit(2, 3, 5, DIM).permute(0, 3, 1, 2)
    return patches, unit(2, DIM, seed=1), unit(4, DIM, seed=2)


def test_shapes_with_and_without_token(features):
    head = make_head()
    assert head(*features).shape == (2, 5, 3, 5)
    assert head(*features, drop_token=True).shape == (2, 4, 3, 5)
    assert make_head(has_token=False)(*features).shape == (2, 4, 3, 5)


def test_relation_is_the_product_beside_the_text(features):
    _, cls, text = features
    head = make_head()
    found = head.relate(head.token_rows(text), cls)
    weight, bias = head.relation.weight, head.relation.bias
    for b in range(2):
        for i, row in enumerate([*text, head.trusty_token[0]]):
            expected = weight @ torch.cat([cls[b] * row, row]) + bias
            torch.testing.assert_close(found[b, i], expected, **TOL)


def test_mask_layer_matches_a_loop_over_heads():
    torch.manual_seed(0)
    layer = MaskLayer(DIM, num_heads=4, hidden=24, dropout=0.1).eval()
    rows, patches = unit(1, 3, DIM), unit(1, 7, DIM, seed=1)
    q, k, v = layer.q(rows)[0], layer.k(patches)[0], layer.v(patches)[0]
    logits, mixed = [], []
    for head in range(4):
        part = slice(4 * head, 4 * head + 4)
        logits.append(q[:, part] @ k[:, part].T / 4**0.5)
        mixed.append(logits[-1].softmax(dim=-1) @ v[:, part])
    expected = layer.norm_attn(rows[0] + layer.out(torch.cat(mixed, dim=1)))
    expected = layer.norm_ffn(expected + layer.ffn_out(layer.ffn_in(expected).relu()))
    torch.testing.assert_close(layer(rows, patches)[0], expected, **TOL)
    torch.testing.assert_close(layer.mask_logits(rows, patches)[0], torch.stack(logits).mean(dim=0), **TOL)


def test_the_order_of_patches_and_names_is_only_an_order(features):
    patches, cls, text = features
    head = make_head()
    with torch.no_grad():
        expected = head(patches, cls, text)
        mirrored = head(patches.flip(3), cls, text)
        turned = head(patches.transpose(2, 3), cls, text)
        reversed_names = head(patches, cls, text.flip(0))
    torch.testing.assert_close(mirrored, expected.flip(3), **TOL)
    torch.testing.assert_close(turned, expected.transpose(2, 3), **TOL)
    torch.testing.assert_close(reversed_names[:, :4], expected[:, :4].flip(1), **TOL)
    torch.testing.assert_close(reversed_names[:, 4], expected[:, 4], **TOL)


def test_scores_depend_on_the_whole_list_of_names_only_through_the_learner(features):
    patches, cls, text = features
    more = torch.cat([text, unit(2, DIM, seed=9)])
    for learner, coupled in {"relation": True, "none": False}.items():
        head = make_head(learner=learner)
        with torch.no_grad():
            difference = (head(patches, cls, more)[:, :4] - head(patches, cls, text)[:, :4]).abs().max()
        assert (difference > 1e-4) == coupled


def test_images_of_a_batch_do_not_see_each_other(features):
    patches, cls, text = features
    head = make_head()
    with torch.no_grad():
        both = head(patches, cls, text)
        alone = head(patches[1:], cls[1:], text)
    torch.testing.assert_close(both[1:], alone, **TOL)


# Table 1 (c) row by row; H is the class token where it stands beside rows of another number
TABLE_1 = (
    "image,image,text", "text,patches,patches", "text,image,text", "text,text,image", "text,text,product",
    "concat,concat,concat", "product,patches,patches", "product,text,text", "product,text,product",
    "product,product,image", "product,product,text", "product,product,product", "relation,relation,relation",
)  # fmt: skip


@pytest.mark.parametrize("learner", [*LEARNERS, *TABLE_1, "relation,text,text"])
@pytest.mark.parametrize("has_token", [True, False])
def test_every_learner_trains_all_that_it_does_not_freeze(features, learner, has_token):
    head = make_head(learner=learner, has_token=has_token).train()
    assert head(*features).shape == (2, 4 + has_token, 3, 5)
    head(*features).square().sum().backward()
    for name, parameter in head.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_learner_inputs():
    text, cls, patches = unit(3, DIM), unit(2, DIM, seed=1), unit(2, 5, DIM, seed=2)
    inputs = {kind: learner_input(kind, text, cls, patches) for kind in INPUTS}
    assert torch.equal(inputs["text"][1], text)
    assert torch.equal(inputs["patches"], patches)
    assert torch.equal(inputs["image"][1], cls[1].expand(3, -1))
    assert torch.equal(inputs["product"][1, 2], cls[1] * text[2])
    assert torch.equal(inputs["concat"][1, 2], torch.cat([text[2], cls[1]]))
    assert torch.equal(inputs["relation"][1, 2], torch.cat([cls[1] * text[2], text[2]]))
    with pytest.raises(UnknownNameError, match="'queries'"):
        learner_input("queries", text, cls, patches)


@pytest.mark.parametrize(
    ("name", "same"), [("relation", "relation,relation,relation"), ("text-patches", "text,patches,patches")]
)
def test_a_short_name_is_its_three_inputs(features, name, same):
    with torch.no_grad():
        assert torch.equal(make_head(learner=name)(*features), make_head(learner=same)(*features))


def test_a_mixed_learner_matches_attention_by_hand(features):
    """Queries T*H, keys and values patches: softmax over patches in each head, residual, norm."""
    patches, cls, text = features
    head = make_head(learner="product,patches,patches", has_token=False)
    tokens = patches.flatten(2).transpose(1, 2)
    found = head.learn(text, cls, tokens)
    attn, query = head.learner.attn, cls[0] * text
    parts = zip(
        attn.in_proj_weight.chunk(3), attn.in_proj_bias.chunk(3), (query, tokens[0], tokens[0]), strict=True
    )
    q, k, v = (x @ weight.T + bias for weight, bias, x in parts)
    mixed = torch.cat(
        [
            (q[:, p] @ k[:, p].T / 4**0.5).softmax(-1) @ v[:, p]
            for p in (slice(4 * h, 4 * h + 4) for h in range(4))
        ],
        dim=1,
    )
    torch.testing.assert_close(found[0], head.learner.norm(query + attn.out_proj(mixed)), **TOL)


def test_concatenation_after_attention_projects_what_was_learned_beside_the_text(features):
    patches, cls, text = features
    head = make_head(learner="concat-after")
    rows = head.token_rows(text)
    product = cls[:, None] * rows
    learned = head.learner(product, product, product)
    expected = torch.stack([head.relation(torch.cat([one, rows], dim=1)) for one in learned])
    torch.testing.assert_close(head.learn(rows, cls, patches.flatten(2).transpose(1, 2)), expected, **TOL)


@pytest.mark.parametrize("has_token", [True, False])
def test_a_head_that_starts_at_the_cosine_answers_as_the_encoder_until_its_gate_opens(features, has_token):
    patches, cls, text = features
    head, plain = (make_head(starts_at_cosine=start, has_token=has_token) for start in (True, False))
    head.cosine.start_at(10.0)
    with torch.no_grad():
        found, learned = head(patches, cls, text), plain(patches, cls, text)
        for b in range(2):
            for c, name in enumerate(text):
                expected = 10 * (torch.einsum("dxy,d->xy", patches[b], name) - 0.2)
                torch.testing.assert_close(found[b, c], expected, **TOL)
        assert torch.equal(
            found[:, 4:], learned[:, 4:]
        )  # the same seed draws the same weights; the token is no name
        head.cosine.gate.fill_(1.0)
        torch.testing.assert_close(head(patches, cls, text)[:, :4], found[:, :4] + learned[:, :4], **TOL)


def test_learners_that_cannot_be_computed_say_what_can():
    with pytest.raises(InputError, match="take 'image'"):
        make_head(learner="text,text,patches")
    with pytest.raises(InputError, match="one row per class"):
        make_head(learner="patches,text,text")
    with pytest.raises(UnknownNameError, match="'words'"):
        make_head(learner="words,text,text")


def test_the_last_layer_is_frozen_after_its_masks():
    head = make_head()
    frozen = {name for name, p in head.named_parameters() if not p.requires_grad}
    parts = ("v", "out", "ffn_in", "ffn_out", "norm_attn", "norm_ffn")
    assert frozen == {f"layers.2.{part}.{kind}" for part in parts for kind in ("weight", "bias")}


def test_number_of_parameters_at_vit_b_16():
    sizes = TrustySizes(width=768, dim=512, patch_size=16, depth=12, num_prompts=10, hidden=2048)
    network = TrustyNetwork(sizes)
    # as measured on the published implementation; its head counts 2,048 more in two norms that nothing uses
    assert sum(p.numel() for p in network.prompt.parameters()) == 684_288
    assert sum(p.numel() for p in network.head.parameters()) == 11_034_112
    assert sum(p.numel() for p in network.head.parameters() if not p.requires_grad) == 2_627_072


def test_matrices_start_uniform_and_biases_as_torch_does():
    head = TrustyHead(512)
    bound = (6 / (512 + 1)) ** 0.5  # xavier on a (1, 512) matrix
    assert 0.9 * bound < head.trusty_token.abs().max() <= bound
    assert torch.equal(head.layers[0].norm_ffn.weight, torch.ones(512))


def test_refusals():
    with pytest.raises(UnknownNameError, match="'patches'"):
        make_head(learner="patches")
    with pytest.raises(InputError, match="16 dimensions cannot be divided into 3 heads"):
        TrustyHead(16, num_heads=3)
    with pytest.raises(InputError, match="at least one mask layer, got 0"):
        make_head(num_layers=0)
    with pytest.raises(InputError, match="'product' has no relation"):
        make_head(learner="product").relate(unit(3, DIM), unit(2, DIM))

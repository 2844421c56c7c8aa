"""The head: against plain loops, its laws, its size at ViT-B/16, and what stays frozen."""

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.trusty.head import LEARNERS, MaskLayer, TrustyHead
from tagalign.methods.trusty.learner import LEARNER_INPUTS, learner_input
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


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("has_token", [True, False])
def test_every_learner_trains_all_that_it_does_not_freeze(features, learner, has_token):
    head = make_head(learner=learner, has_token=has_token).train()
    head(*features).square().sum().backward()
    for name, parameter in head.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_learner_inputs():
    text, cls, patches = unit(3, DIM), unit(2, DIM, seed=1), unit(2, 5, DIM, seed=2)
    inputs = {
        kind: learner_input(kind, text, cls, patches)
        for kind in ("text", "patches", "product", "concat", "relation")
    }
    assert torch.equal(inputs["text"][1], text)
    assert torch.equal(inputs["patches"], patches)
    assert torch.equal(inputs["product"][1, 2], cls[1] * text[2])
    assert torch.equal(inputs["concat"][1, 2], torch.cat([text[2], cls[1]]))
    assert torch.equal(inputs["relation"][1, 2], torch.cat([cls[1] * text[2], text[2]]))
    with pytest.raises(UnknownNameError, match="'queries'"):
        learner_input("queries", text, cls, patches)
    assert set(LEARNERS) == {"none", *LEARNER_INPUTS}


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

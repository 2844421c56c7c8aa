"""The closed-form gradient of the last block against automatic differentiation of the block written out, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tagalign.ops import cam
from tagalign.ops.cam import Affine, LastBlock, Norm

# float64, a chain of about ten matrix products of width 24: 1e-10 relative leaves four digits of slack
TOL = {"rtol": 1e-10, "atol": 1e-13}
WIDTH, HEADS, TOKENS, DIM = 24, 3, 11, 10
SCALE = 30.0


class LargestTensor(TorchDispatchMode):
    """The numbers in the largest tensor that is made inside."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(one, torch.Tensor):
                self.numel = max(self.numel, one.numel())
        return out


def affine(out, inner, generator):
    return Affine(
        weight=torch.randn(out, inner, generator=generator, dtype=torch.float64) / inner**0.5,
        bias=torch.randn(out, generator=generator, dtype=torch.float64),
    )


def norm(generator):
    weight, bias = torch.randn(2, WIDTH, generator=generator, dtype=torch.float64)
    return Norm(weight=1 + 0.3 * weight, bias=bias, eps=1e-5)


@pytest.fixture(params=["quick_gelu", "gelu"])
def block(request):
    g = torch.Generator().manual_seed(0)
    return LastBlock(
        num_heads=HEADS,
        query=affine(WIDTH, WIDTH, g),
        key=affine(WIDTH, WIDTH, g),
        value=affine(WIDTH, WIDTH, g),
        out=affine(WIDTH, WIDTH, g),
        norm2=norm(g),
        fc1=affine(4 * WIDTH, WIDTH, g),
        fc2=affine(WIDTH, 4 * WIDTH, g),
        activation=request.param,
        post_norm=norm(g),
        projection=torch.randn(DIM, WIDTH, generator=g, dtype=torch.float64),
    )


@pytest.fixture
def inputs():
    g = torch.Generator().manual_seed(1)
    x, normed = torch.randn(2, TOKENS, WIDTH, generator=g, dtype=torch.float64)
    text = F.normalize(torch.randn(6, DIM, generator=g, dtype=torch.float64), dim=-1)
    return x, normed, text


def probabilities(block, x, normed, text):
    """The block and the pooled softmax as torch's own modules would do it."""
    heads = [
        (f(normed)).unflatten(1, (HEADS, -1)).transpose(0, 1) for f in (block.query, block.key, block.value)
    ]
    mixed = F.scaled_dot_product_attention(*heads).transpose(0, 1).flatten(1)
    x = x + block.out(mixed)
    act = F.gelu if block.activation == "gelu" else lambda u: u * torch.sigmoid(1.702 * u)
    normal = F.layer_norm(x, (WIDTH,), block.norm2.weight, block.norm2.bias, block.norm2.eps)
    x = x + block.fc2(act(block.fc1(normal)))
    post = block.post_norm
    pooled = F.layer_norm(x, (WIDTH,), post.weight, post.bias, post.eps)[1:].mean(dim=0)
    return (SCALE * F.normalize(block.projection @ pooled, dim=0) @ text.T).softmax(dim=0)


@pytest.mark.parametrize("num_tags", [0, 1, 4, 6])
def test_closed_form_equals_automatic_differentiation(block, inputs, num_tags):
    x, normed, text = inputs
    weights, probs = cam.tag_weights(block, x, normed, text, num_tags=num_tags, logit_scale=SCALE)
    torch.testing.assert_close(probs, probabilities(block, x, normed, text), **TOL)
    assert weights.shape == (num_tags, WIDTH)
    for k in range(num_tags):
        leaf = normed.clone().requires_grad_(True)
        (grad,) = torch.autograd.grad(probabilities(block, x, leaf, text)[k], leaf)
        torch.testing.assert_close(weights[k], grad[1:].mean(dim=0), **TOL)


def test_chunks_of_tags_change_nothing(block, inputs, monkeypatch):
    x, normed, text = inputs
    whole, _ = cam.tag_weights(block, x, normed, text, num_tags=5, logit_scale=SCALE)
    monkeypatch.setattr(cam, "GRADIENT_BUDGET", 2 * 4 * WIDTH * WIDTH)
    with LargestTensor() as seen:
        chunked, _ = cam.tag_weights(block, x, normed, text, num_tags=5, logit_scale=SCALE)
    torch.testing.assert_close(whole, chunked, **TOL)
    # a tag costs hidden x width numbers, more than patches x width here; five at once would be above the budget
    assert seen.numel == 2 * 4 * WIDTH * WIDTH


def test_batched_automatic_differentiation_agrees(block, inputs):
    x, normed, text = inputs
    batched = cam.tag_weights_autograd(lambda h: probabilities(block, x, h, text), normed, 3)
    weights, _ = cam.tag_weights(block, x, normed, text, num_tags=3, logit_scale=SCALE)
    torch.testing.assert_close(batched, weights, **TOL)


def test_one_label_alone_has_no_gradient(block, inputs):
    x, normed, text = inputs
    weights, probs = cam.tag_weights(block, x, normed, text[:1], num_tags=1, logit_scale=SCALE)
    assert probs.tolist() == [1.0]
    assert weights.abs().max() == 0


@pytest.mark.parametrize("name", ["quick_gelu", "gelu"])
def test_derivatives_of_the_activations(name):
    x = torch.linspace(-4, 4, 41, dtype=torch.float64, requires_grad=True)
    value, slope = cam.ACTIVATIONS[name](x)
    (expected,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(slope.detach(), expected, **TOL)

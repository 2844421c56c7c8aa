"""Layers of the towers: products in another type are products of rounded numbers, and the parameters stay."""

import pytest
import torch

from tagalign.backbones.towers.layers import Linear


@pytest.mark.parametrize("bias", [True, False])
def test_products_in_bfloat16_are_those_of_rounded_factors(bias):
    torch.manual_seed(0)
    layer = Linear(48, 8, bias=bias)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x, before = torch.randn(5, 48), [p.clone() for p in layer.parameters()]
    layer.multiply_in(torch.bfloat16)
    rounded = x.bfloat16().double() @ layer.weight.bfloat16().double().T
    expected = rounded + layer.bias.bfloat16().double() if bias else rounded
    found = layer(x)
    assert found.dtype == torch.float32
    # the sum is rounded once, to 8 bits; a value that lost digits in the sum has no more than the largest term's
    torch.testing.assert_close(found.double(), expected, rtol=2**-8, atol=2**-6)
    assert (
        found - torch.nn.functional.linear(x, layer.weight, layer.bias)
    ).abs().max() > 1e-3  # it is not float32
    assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), before, strict=True))
    assert set(layer.state_dict()) == ({"weight", "bias"} if bias else {"weight"})


def test_gradients_pass_products_in_bfloat16():
    layer = Linear(4, 3)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    layer.multiply_in(torch.bfloat16)
    x = torch.ones(2, 4, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((2, 4), 3.0))  # column sums of the weights, exact in 8 bits

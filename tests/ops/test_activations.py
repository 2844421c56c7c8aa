"""The activation in place against OpenAI's formula as transformers writes it."""

import torch
from transformers.activations import QuickGELUActivation

from tagalign.ops.activations import quick_gelu_


def test_equals_transformers_and_writes_into_its_argument():
    x = torch.linspace(-30, 30, 10_001)
    expected = QuickGELUActivation()(x)
    out = quick_gelu_(x)
    assert out is x
    # float32 rounding of 1.702 x and of the division by it; values reach 30
    torch.testing.assert_close(x, expected, rtol=1e-6, atol=1e-6)


def test_infinities_and_nothing():
    assert quick_gelu_(torch.tensor([torch.inf]))[0] == torch.inf
    assert quick_gelu_(torch.zeros(0, 3)).shape == (0, 3)

"""Tensors into parameters: what does not fit is named, and nothing that is no number gets in."""

import pytest
import torch
from torch import nn

from tagalign.backbones.weights import fill
from tagalign.errors import ModelError


def given(**changed):
    tensors = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)} | changed
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (given(bias=None), "lab/a: first of 1: bias is missing"),
        (given(extra=torch.ones(1)), "lab/a: first of 1: extra is left over"),
        (given(bias=torch.zeros(4)), r"bias has shape \[4\], the config wants \[3\]"),
        (given(bias=torch.zeros(3, dtype=torch.long)), "bias is torch.int64"),
        (given(bias=torch.tensor([0, torch.nan, 0])), "bias has values that are not finite"),
        (given(weight=torch.full((3, 2), torch.inf)), "weight has values that are not finite"),
        (given(weight=torch.full((3, 2), torch.inf).half()), "weight has values that are not finite"),
    ],
)
def test_what_does_not_fit_is_named(tensors, message):
    with pytest.raises(ModelError, match=message.replace("lab/a: first", "lab/a: .*first")):
        fill(nn.Linear(2, 3), tensors, dtype=torch.float32, where="lab/a")


def test_large_halves_are_finite():
    layer = nn.Linear(2, 3)
    fill(layer, given(weight=torch.full((3, 2), 60_000.0).half()), dtype=torch.float16, where="lab/a")
    total = layer.weight.detach().sum(dtype=torch.float32)
    assert total == pytest.approx(360_000, rel=1e-3)  # beyond float16 itself

"""Which parameters decay, against one step of decoupled decay done by hand."""

import pytest
import torch
from torch import nn

from tagalign.train.loop.optimiser import adamw, decay_groups


class Small(nn.Module):
    """One parameter of every kind."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))
        self.bias = nn.Parameter(torch.ones(2))
        self.position_bias = nn.Parameter(torch.ones(2, 2))
        self.norm = nn.Parameter(torch.ones(3))
        self.gate = nn.Parameter(torch.ones(()))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)


@pytest.mark.parametrize(("decay_scalars", "decayed"), [(False, {"weight"}), (True, {"weight", "gate"})])
def test_what_decays(decay_scalars, decayed):
    module = Small()
    optimiser = adamw(module, learning_rate=0.5, weight_decay=0.1, decay_scalars=decay_scalars)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)  # without a gradient only the decay moves a weight
    optimiser.step()
    moved = {name for name, p in module.named_parameters() if not torch.equal(p, torch.ones_like(p))}
    assert moved == decayed
    torch.testing.assert_close(module.weight.detach(), torch.full((2, 2), 1 - 0.5 * 0.1))


def test_every_trained_parameter_is_in_one_group():
    module = Small()
    grouped = [p for group in decay_groups(module, weight_decay=0.1) for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in module.parameters() if p.requires_grad}
    assert len(grouped) == 5


def test_groups_without_parameters_are_left_out():
    assert [
        group["weight_decay"] for group in decay_groups(nn.Linear(2, 2, bias=False), weight_decay=0.1)
    ] == [0.1]
    assert decay_groups(nn.ReLU(), weight_decay=0.1) == []

"""Which parameters decay, against one step of decoupled decay done by hand."""

import pytest
import torch
from torch import nn

from tagalign.train.loop.optimiser import adamw, decay_groups, slower_groups
from tagalign.train.loop.schedule import set_rate


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


def test_a_part_learns_slower_by_its_factor_and_nothing_is_lost():
    """One step of plain gradient descent moves each weight by its own rate."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    groups = decay_groups(module, weight_decay=0.0)
    stranger = nn.Parameter(torch.ones(2))
    optimiser = torch.optim.SGD(
        slower_groups(groups, [*module[1].parameters(), stranger], rate_factor=0.1), lr=1.0
    )
    set_rate(optimiser, 0.5)
    before = [p.detach().clone() for p in module.parameters()]
    for p in module.parameters():
        p.grad = torch.ones_like(p)
    optimiser.step()
    moved = [(old - new).mean().item() for old, new in zip(before, module.parameters(), strict=True)]
    assert moved == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.5, 0.5], rel=1e-5)  # of float32


def test_a_slow_part_that_is_everything_leaves_no_empty_group():
    module = nn.Linear(2, 2)
    found = slower_groups(decay_groups(module, weight_decay=0.1), module.parameters(), rate_factor=0.5)
    assert [(group["weight_decay"], group["rate_factor"]) for group in found] == [(0.1, 0.5), (0.0, 0.5)]

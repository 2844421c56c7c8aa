"""Learning rates against values solved by hand."""

import pytest
import torch
from torch import nn

from tagalign.errors import UnknownNameError
from tagalign.train.loop.schedule import scheduled_rate, set_rate


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [
        ("constant", 0, 8.0),
        ("constant", 99, 8.0),
        ("linear", 0, 8.0),
        ("linear", 50, 5.0),
        ("linear", 100, 2.0),
        ("linear", 1000, 2.0),  # past the end the rate stays
        ("cosine", 0, 8.0),
        ("cosine", 50, 5.0),
        ("cosine", 100, 2.0),
    ],
)
def test_shapes(schedule, step, rate):
    assert scheduled_rate(8.0, step, steps=100, schedule=schedule, final=2.0) == pytest.approx(
        rate, rel=1e-12
    )


@pytest.mark.parametrize(("step", "rate"), [(0, 2.0), (1, 4.0), (3, 8.0), (4, 8.0), (7, 4.0), (10, 0.0)])
def test_a_warm_up_rises_to_the_base_and_is_not_counted(step, rate):
    assert scheduled_rate(8.0, step, steps=10, schedule="linear", warmup=4) == pytest.approx(rate, rel=1e-12)


def test_unknown_schedules_are_refused():
    with pytest.raises(UnknownNameError, match="cosine"):
        scheduled_rate(1.0, 0, steps=1, schedule="cosin")


def test_a_group_may_have_a_factor_of_its_own():
    one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    groups = [{"params": one.parameters()}, {"params": two.parameters(), "rate_factor": 0.1}]
    optimiser = torch.optim.SGD(groups, lr=1.0)
    set_rate(optimiser, 3.0)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([3.0, 0.3])

"""What a plan refuses, and which of its numbers decide the weights."""

import json
from dataclasses import dataclass, fields, replace

import pytest

from tagalign.errors import InputError
from tagalign.train.loop.plan import TrainPlan


@dataclass(frozen=True, kw_only=True)
class OwnPlan(TrainPlan):
    betas: tuple[float, float] = (0.9, 0.95)


PLAN = OwnPlan(steps=5, batch_size=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("batch_size", 0), ("seed", -1), ("checkpoint_every", -1), ("keep", 0), ("log_every", -1)],
)
def test_a_number_that_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"^{name} must be at least {value + 1}, got {value}$"):
        replace(PLAN, **{name: value})


def test_what_decides_is_what_json_gives_back():
    assert json.loads(json.dumps(PLAN.deciding())) == PLAN.deciding()
    assert PLAN.deciding()["betas"] == [0.9, 0.95]


def test_how_often_a_run_writes_decides_nothing():
    other = replace(
        PLAN, checkpoint_every=1, keep=9, validate_every=3, log_every=1, best="miou", tensorboard=True
    )
    assert other.deciding() == PLAN.deciding()
    changed = {"steps": 6, "batch_size": 3, "seed": 1, "precision": "bf16", "betas": (0.8, 0.9)}
    assert set(changed) == {field.name for field in fields(PLAN)} & set(PLAN.deciding())
    for name, value in changed.items():
        assert replace(PLAN, **{name: value}).deciding() != PLAN.deciding(), name

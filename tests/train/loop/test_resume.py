"""Whether a checkpoint belongs to a run, and checkpoints that earlier versions wrote."""

import pytest
import torch

from tagalign.errors import InputError
from tagalign.train.loop.checkpoints import Checkpoint
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.resume import best_trainee, check_processes, check_same_run, todays_state

WEIGHTS, OPTIMISER = {"w": torch.ones(2)}, {"state": {}, "param_groups": []}
EARLIER = {
    "projector": {
        "aligner": WEIGHTS, "optimizer": OPTIMISER, "positions": [7], "random": [{"python": 1}], "guard": [1.0],
        "best": 0.5, "skipped": {"no caption": 2}, "shown": {"loss": 1.0}, "fingerprint": {"seed": 0},
    },
    "Tag2Text": {
        "parameters": WEIGHTS, "optimiser": OPTIMISER, "guard": [1.0],
        "fingerprint": {"seed": 0, "checkpoint_every": 0, "validate_every": 0, "log_every": 0},
    },
    "TrustyCLIP": {
        "network": WEIGHTS, "optimiser": OPTIMISER, "guard": [1.0], "plan": {"seed": 0},
    },
}  # fmt: skip


@pytest.mark.parametrize("method", EARLIER)
def test_checkpoints_of_earlier_versions_have_todays_parts(method):
    state = todays_state(Checkpoint(step=7, state=EARLIER[method]))
    assert state.keys() == {
        "trainee", "optimiser", "positions", "random", "guard", "best", "skipped", "shown", "fingerprint",
    }  # fmt: skip
    assert state["trainee"] is WEIGHTS
    assert state["optimiser"] is OPTIMISER
    assert (state["positions"], state["fingerprint"]) == ([7], {"seed": 0})
    assert (state["random"] is None) == (method != "projector")


@pytest.mark.parametrize("name", ["aligner", "parameters", "network", "trainee"])
def test_the_best_weights_are_found_under_every_name(name):
    assert best_trainee({name: WEIGHTS, "value": 0.5}) is WEIGHTS


def test_another_run_is_refused_by_its_first_difference(tmp_path):
    check_same_run({"seed": 1, "loss": "focal"}, {"loss": "focal", "seed": 1}, tmp_path)
    with pytest.raises(InputError, match="holds a run with loss = 'focal', now it is 'softmax'"):
        check_same_run({"seed": 1, "loss": "focal"}, {"seed": 2, "loss": "softmax"}, tmp_path)
    with pytest.raises(InputError, match="holds a run with size = None, now it is 3"):
        check_same_run({}, {"size": 3}, tmp_path)
    with pytest.raises(InputError, match=r"holds a run of 2 process\(es\), now there are 1; continue with 2"):
        check_processes(2, 1, tmp_path)


def test_how_often_a_run_writes_decides_no_weight():
    often = TrainPlan(steps=3, batch_size=2, checkpoint_every=1, keep=9, log_every=1, best="miou")
    assert often.deciding() == TrainPlan(steps=3, batch_size=2).deciding()
    assert often.deciding() != TrainPlan(steps=3, batch_size=2, seed=1).deciding()


@pytest.mark.parametrize("field", ["steps", "batch_size", "seed", "checkpoint_every", "keep", "log_every"])
def test_a_plan_that_cannot_be_is_refused(field):
    with pytest.raises(InputError, match=f"{field} must be at least [01], got -1"):
        TrainPlan(**({"steps": 3, "batch_size": 2} | {field: -1}))

"""The loop on a trainee of one weight, whose whole run a plain loop repeats: steps, stops, resuming, validation, faults.

Holds ``train/loop/trainee.py``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn

from tagalign.errors import InputError
from tagalign.train.loop.guards import StopRequest, TrainingFault
from tagalign.train.loop.log import read_metrics
from tagalign.train.loop.plan import Hooks, TrainPlan
from tagalign.train.loop.run import TrainingRun
from tagalign.train.loop.trainee import StepResult, Trainee

RATE, START = 0.1, 5.0
PLAN = TrainPlan(steps=6, batch_size=2, log_every=1, checkpoint_every=2, best="-distance")


@dataclass(frozen=True)
class Numbers:
    """A batch: one target, and where the source stands after it."""

    target: float
    position: int
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self):
        return 2

    def to(self, device):
        return self

    def pin_memory(self):
        return self


class OneWeight(Trainee[Numbers]):
    """``(w - target - noise)^2`` by plain gradient descent; noise is drawn as dropout is."""

    # plain attributes in the place of the protocol's properties
    module = fingerprint = clip_norm = None

    def __init__(self, *, noise=0.0, anew=(), targets=None):
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.module.weight, START)
        self.noise, self.anew, self.targets = noise, anew, targets or (lambda n: float(n))
        self.fingerprint = {"noise": noise}
        self.optimisers, self.modes, self.read = 0, [], []

    def parameters(self):
        return list(self.module.parameters())

    def new_optimiser(self):
        self.optimisers += 1
        return torch.optim.SGD(self.parameters(), lr=1.0)

    def rate(self, step):
        return RATE / (step + 1)

    def begins_anew(self, step):
        return step in self.anew

    def batches(self, position):
        number = position or 0
        while True:
            self.read.append(number)
            number += 1
            yield Numbers(self.targets(number - 1), number, {"broken": 1} if number % 2 else {})

    def step(self, step, batch, clock):
        self.modes.append(self.module.training)
        loss = (self.module.weight.sum() - batch.target - self.noise * torch.randn(())) ** 2
        loss.backward()
        return StepResult(losses={"loss": loss.detach()}, evidence={"target": torch.tensor(batch.target)})

    def state(self):
        return {"weight": self.module.weight.detach().clone()}

    def load_state(self, state):
        with torch.no_grad():
            self.module.weight.copy_(state["weight"])

    def validate(self, step, shown):
        self.modes.append(self.module.training)
        return {"distance": abs(self.weight - 1.0)}

    @property
    def weight(self):
        return self.module.weight.item()


def run(trainee, folder=None, plan=PLAN, **hooks):
    made = TrainingRun(trainee, plan, folder=folder, hooks=Hooks(**hooks))
    made.resume()
    return made, made.run()


def plain_loop(steps, clip=math.inf):
    """The same training in a few lines."""
    weight = START
    for step in range(steps):
        gradient = 2 * (weight - step)
        gradient *= min(1.0, clip / abs(gradient))
        weight -= RATE / (step + 1) * gradient
    return weight


def stop_after(step):
    request = StopRequest()

    def ask(done, steps, numbers):
        # a step looks at the request before its own progress is told
        request.signal_number = 15 if done == step - 1 else request.signal_number

    return {"stop": request, "progress": ask}


def test_a_run_is_its_plain_loop():
    trainee = OneWeight()
    made, finished = run(trainee)
    assert (finished, made.step, made.position) == (True, 6, 6)
    assert trainee.weight == pytest.approx(plain_loop(6), rel=1e-6)  # float32
    assert made.shown["learning_rate"] == pytest.approx(RATE / 6)
    assert made.skipped == {"broken": 3}
    assert trainee.read == list(range(6))  # nothing is read that is not trained on


def test_the_gradient_is_clipped_and_its_own_norm_logged():
    trainee = OneWeight()
    trainee.clip_norm = 0.5
    made, _ = run(trainee, plan=replace(PLAN, steps=3))
    # torch divides by the norm plus 1e-6
    assert trainee.weight == pytest.approx(plain_loop(3, clip=0.5), abs=1e-5)
    assert made.shown["gradient_norm"] > 0.5


def test_steps_are_in_training_mode_and_what_comes_after_is_not():
    trainee = OneWeight()
    run(trainee, plan=replace(PLAN, validate_every=3))
    assert trainee.modes == [True] * 3 + [False] + [True] * 3 + [False]
    assert not trainee.module.training


@pytest.mark.parametrize("at", [2, 3, 5])
def test_a_stopped_run_ends_with_the_same_weight_noise_and_log(tmp_path, at):
    whole, parts = OneWeight(noise=1.0), OneWeight(noise=1.0)
    torch.manual_seed(0)
    run(whole, tmp_path / "whole")
    torch.manual_seed(0)
    _, finished = run(parts, tmp_path / "parts", **stop_after(at))
    assert not finished
    again = OneWeight(noise=1.0)
    torch.manual_seed(1)
    made, finished = run(again, tmp_path / "parts")
    assert finished
    assert again.weight == whole.weight
    assert again.read == list(range(at, 6))
    assert made.skipped == {"broken": 3}
    logs = [
        [
            (row["step"], row["loss"])
            for row in read_metrics(tmp_path / name / "metrics.jsonl")
            if "loss" in row
        ]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1]


def test_a_stop_at_the_last_step_stops_nothing_and_a_finished_run_reads_nothing(tmp_path):
    _, finished = run(OneWeight(), tmp_path, **stop_after(6))
    assert finished
    again = OneWeight()
    _, finished = run(again, tmp_path)
    assert finished
    assert again.read == []
    with pytest.raises(InputError, match=r"holds a run with noise = 0\.0, now it is 2\.0"):
        run(OneWeight(noise=2.0), tmp_path)


def test_the_best_validation_is_kept_with_its_weights(tmp_path):
    run(OneWeight(), tmp_path, plan=replace(PLAN, validate_every=1))
    rows = [row for row in read_metrics(tmp_path / "metrics.jsonl") if "validation_distance" in row]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    best = min(rows, key=lambda row: row["validation_distance"])
    assert best["validation_distance"] == pytest.approx(abs(plain_loop(best["step"]) - 1), rel=1e-5)
    assert (tmp_path / "checkpoints/best.safetensors").exists()


def test_a_loss_at_fault_ends_the_run_and_no_checkpoint_holds_its_step(tmp_path):
    trainee = OneWeight(targets=lambda n: math.nan if n == 3 else float(n))
    with pytest.raises(TrainingFault):
        run(trainee, tmp_path)
    assert list(tmp_path.glob("fault-step-4-*"))
    made = TrainingRun(OneWeight(), PLAN, folder=tmp_path)
    assert made.resume()
    assert made.step == 2


def test_a_new_task_gets_an_optimiser_and_a_guard_of_its_own():
    long = replace(PLAN, steps=60)  # the guard looks back on 50 losses
    trainee = OneWeight(anew={55}, targets=lambda n: 0.0 if n < 55 else 1e4)
    run(trainee, plan=long)
    assert trainee.optimisers == 2
    with pytest.raises(TrainingFault):
        run(OneWeight(targets=lambda n: 0.0 if n < 55 else 1e4), plan=long)


def test_what_a_trainee_need_not_have():
    class Least(OneWeight):
        begins_anew, metrics, validate = Trainee.begins_anew, Trainee.metrics, Trainee.validate

    least = Least()
    made, finished = run(least, plan=replace(PLAN, validate_every=2))
    assert finished
    assert (least.begins_anew(0), least.metrics(), least.validate(1, {})) == (False, {}, {})
    assert least.optimisers == 1
    assert not any("distance" in name for name in made.shown)

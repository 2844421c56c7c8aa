"""A dry run: a few steps timed and nothing else done, what is multiplied, and a batch that does not fit said in one line."""

import time
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.rehearsal import TRIAL_STEPS, Estimate, Trial, rehearse, trial_sizes
from tagalign.train.loop.trainee import StepResult, Trainee

STEP_S = 0.01


@dataclass(frozen=True)
class Images:
    count: int
    position: int = 0
    skipped: dict = field(default_factory=dict)

    def __len__(self):
        return self.count

    def to(self, device):
        return self


class Sleeper(Trainee):
    """A step sleeps; the first one ten times as long, as one that compiles."""

    module, fingerprint, clip_norm = None, {}, None

    def __init__(self, batch_size, *, fails=False):
        self.batch_size, self.fails = batch_size, fails
        self.module, self.seen = nn.Linear(1, 1), []

    def parameters(self):
        return list(self.module.parameters())

    def new_optimiser(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def rate(self, step):
        return 0.1

    def batches(self, position):
        while True:
            yield Images(self.batch_size)

    def step(self, step, batch, clock):
        if self.fails:
            raise torch.OutOfMemoryError("CUDA out of memory")
        time.sleep(STEP_S * (10 if step == 0 else 1))
        clock.mark("encoder")
        self.module(torch.ones(1, 1)).sum().backward()
        self.seen.append(step)
        return StepResult(losses={"loss": torch.tensor(1.0)})

    def state(self):
        raise AssertionError("nothing is kept")

    def load_state(self, state):
        raise AssertionError("nothing is read")

    def validate(self, step, shown):
        raise AssertionError("nothing is looked at")


def rehearsed(*, steps=100, batch_size=4, fails=False, **more):
    made = []

    def make(size):
        made.append(Sleeper(size, fails=fails))
        return made[-1], TrainPlan(steps=steps, batch_size=size, checkpoint_every=1, validate_every=1)

    return rehearse(make, Processes(), steps=steps, batch_size=batch_size, **more), made


def test_a_few_steps_are_timed_after_one_that_warms_up():
    estimate, (trainee,) = rehearsed()
    assert trainee.seen == list(range(TRIAL_STEPS + 1))
    # a step sleeps at least STEP_S; a busy machine makes it slower, never faster
    assert 0 < estimate.images_per_s <= 4 / STEP_S
    assert estimate.trials[0].seconds >= TRIAL_STEPS * STEP_S
    assert estimate.trials[0].shares["encoder"] > 0.1
    assert estimate.days == pytest.approx(100 * 4 / estimate.images_per_s / 86_400)


def test_time_ends_a_trial_but_one_step_is_timed():
    estimate, (trainee,) = rehearsed(seconds=0.0)
    assert (estimate.trials[0].steps, len(trainee.seen)) == (1, 2)


def test_a_run_of_one_step_is_its_own_trial():
    estimate, _ = rehearsed(steps=1)
    assert estimate.trials[0].steps == 1
    assert estimate.images_per_s > 0


def test_large_batches_are_tried_small_on_a_cpu_and_whole_on_a_gpu():
    gpu = Processes(device=torch.device("cuda"))
    assert trial_sizes(4096, Processes()) == (16, 32)
    assert trial_sizes(4096, Processes(size=2)) == (32, 64)
    assert trial_sizes(32, Processes()) == (32,)
    assert trial_sizes(4096, gpu) == (4096,)


def test_memory_of_a_large_batch_follows_a_line_through_two_small_ones():
    def trial(size, memory):
        return Trial(batch_size=size, steps=1, seconds=1.0, memory_bytes=memory, shares={})

    whole = {"steps": 1, "batch_size": 64}
    assert Estimate(trials=(trial(16, 1000), trial(32, 1160)), **whole).memory_bytes == 1160 + 10 * 32
    assert Estimate(trials=(trial(16, 1000), trial(32, 990)), **whole).memory_bytes == 990
    assert Estimate(trials=(trial(64, 5),), **whole).memory_bytes == 5
    assert Estimate(trials=(trial(16, None), trial(32, None)), **whole).memory_bytes is None


def test_a_batch_that_does_not_fit_is_said_in_one_line():
    with pytest.raises(InputError, match=r"^4 images a step do not fit .* give a smaller --micro-batch$"):
        rehearsed(fails=True)

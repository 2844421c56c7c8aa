"""What a run will cost on this machine with these data: a few of its own steps, timed, and nothing written."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.train.loop.memory import PeakMemory
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.run import TrainingRun
from tagalign.train.loop.trainee import Trainee

TRIAL_STEPS = 10
"""Steps that are timed at most, after one that warms up."""
TRIAL_S = 20.0
"""Seconds after which no further step begins."""
SMALL = (16, 32)
"""Images per process of the trials on a CPU, where a step of a large batch takes minutes; the second gives the rate."""
DAY_S = 86_400

Maker = Callable[[int], tuple[Trainee[Any], TrainPlan]]
"""A trainee whose step sees so many images, over all processes, and its plan; a new one at every call."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A few steps of one size.

    Attributes:
        batch_size: images per step, over all processes.
        steps: that were timed.
        seconds: they took.
        memory_bytes: highest of this process (on CUDA: of its tensors) while it ran; None where the system tells none.
        shares: of the time, by stage.
    """

    batch_size: int
    steps: int
    seconds: float
    memory_bytes: int | None
    shares: Mapping[str, float]

    @property
    def images_per_s(self) -> float:
        """Over all processes."""
        return self.batch_size * self.steps / max(self.seconds, 1e-9)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the whole run will cost, from its trials.

    Attributes:
        trials: smaller batches first; the last gives the rate.
        steps: of the whole run.
        batch_size: of the whole run.
    """

    trials: tuple[Trial, ...]
    steps: int
    batch_size: int

    @property
    def images_per_s(self) -> float:
        """Of the largest trial."""
        return self.trials[-1].images_per_s

    @property
    def days(self) -> float:
        """Of training alone, at this rate."""
        return self.steps * self.batch_size / self.images_per_s / DAY_S

    @property
    def memory_bytes(self) -> int | None:
        """At the batch of the run: measured where it was tried, else by a line through the trials.

        What is cut into pieces (``micro_batch``, the chunks of a frozen encoder) stops growing on the way, so the line gives
        the most that is needed.
        """
        last = self.trials[-1]
        if last.memory_bytes is None or last.batch_size == self.batch_size:
            return last.memory_bytes
        first = self.trials[0]
        if first.memory_bytes is None or first.batch_size == last.batch_size:
            return None
        each = (last.memory_bytes - first.memory_bytes) / (last.batch_size - first.batch_size)
        return math.ceil(last.memory_bytes + max(each, 0.0) * (self.batch_size - last.batch_size))


def trial_sizes(batch_size: int, processes: Processes) -> tuple[int, ...]:
    """Batches to try: the run's own where it is small or the device fast, else two small ones."""
    small = tuple(size * processes.size for size in SMALL)
    return (batch_size,) if processes.device.type == "cuda" or batch_size <= small[-1] else small


def rehearse(
    make: Maker,
    processes: Processes,
    *,
    steps: int,
    batch_size: int,
    seconds: float = TRIAL_S,
    sizes: Sequence[int] | None = None,
) -> Estimate:
    """Run a few steps and say what all will cost. No file is written, no validation asked, no checkpoint read.

    Args:
        make: trainees of different batches.
        processes: that share the run.
        steps: of the run.
        batch_size: of the run.
        seconds: for each trial; at least one step is timed.
        sizes: batches to try; ``trial_sizes`` when None.

    Raises:
        InputError: where a batch does not fit into the device's memory.
    """
    chosen = trial_sizes(batch_size, processes) if sizes is None else tuple(sizes)
    trials = [_trial(make, size, processes, seconds) for size in chosen]
    return Estimate(trials=tuple(trials), steps=steps, batch_size=batch_size)


def _trial(make: Maker, size: int, processes: Processes, seconds: float) -> Trial:
    memory = PeakMemory(processes.device)
    try:
        trainee, plan = make(size)
        run = TrainingRun(trainee, plan, processes=processes)
        done, taken = run.time_steps(TRIAL_STEPS, seconds)
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"{size} images a step do not fit into the memory of the device; give a smaller --micro-batch"
        ) from error
    shares = run.clock.report()
    known = sum(shares.values()) or 1.0
    return Trial(
        batch_size=size,
        steps=done,
        seconds=taken,
        memory_bytes=memory.highest(),
        shares={stage: value / known for stage, value in shares.items()},
    )

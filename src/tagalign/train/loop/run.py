"""The one training loop: steps, checkpoints, log, validation. A resumed run ends like an undisturbed one.

It knows no method: what is trained is a ``Trainee``.
"""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.data.processes import Processes
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.distributed import (
    any_in_world,
    average_gradients,
    collect,
    copy_from_first,
    mean_over_world,
    wait_for_all,
)
from tagalign.train.loop.guards import LossGuard, StopRequest, TrainingFault
from tagalign.train.loop.plan import Hooks, TrainPlan
from tagalign.train.loop.prefetch import prefetched
from tagalign.train.loop.randomness import random_state, restore_random_state, seed_host
from tagalign.train.loop.record import Record
from tagalign.train.loop.resume import check_processes, check_same_run, todays_state
from tagalign.train.loop.schedule import set_rate
from tagalign.train.loop.trainee import StepResult, Trainee


class TrainingRun:
    """Trains a trainee; created once, ``run`` once.

    Args:
        trainee: on the device of ``processes``.
        plan: how long, and how often it saves, looks and writes.
        folder: for checkpoints, log and faulty batches; None keeps nothing.
        processes: that share the run; one on the CPU when None.
        hooks: of the caller.

    Attributes:
        step: steps done.
        shown: the last logged numbers.
        speed: images per second between the last two lines of the log; 0 before the first.
    """

    def __init__(
        self,
        trainee: Trainee[Any],
        plan: TrainPlan,
        *,
        folder: Path | None = None,
        processes: Processes | None = None,
        hooks: Hooks[Any] = Hooks(),  # noqa: B008 - frozen
    ) -> None:
        self.trainee, self.plan, self.hooks = trainee, plan, hooks
        self.processes = processes or Processes()
        # an unset request is false, so None and it would be one and the same to `or`
        self.stop = StopRequest() if hooks.stop is None else hooks.stop
        self.record = Record(folder, plan, self.processes)
        # every process draws its own first weights; gradients are averaged, weights never again
        copy_from_first(trainee.module, self.processes)
        # Python draws its own seed otherwise, and no two checkpoints of one run are alike
        seed_host(plan.seed)
        self.optimiser = trainee.new_optimiser()
        self.guard = LossGuard()
        self.clock = StepClock(self.processes.device)
        self.step = 0
        self.position: Any = None
        self.skipped: dict[str, int] = {}
        self.shown: dict[str, float] = {}
        self.speed = 0.0
        self._unchecked: tuple[int, StepResult] | None = None

    def resume(self) -> bool:
        """Go on from the newest checkpoint of the folder; False where there is none.

        Raises:
            InputError: if it belongs to a run with other settings or another number of processes.
        """
        checkpoint = self.record.checkpoints.latest() if self.record.checkpoints else None
        if checkpoint is None:
            return False
        state, folder, rank = todays_state(checkpoint), self.record.folder, self.processes.rank
        check_same_run(state["fingerprint"], self.trainee.fingerprint, folder)
        check_processes(len(state["positions"]), self.processes.size, folder)
        self.trainee.load_state(state["trainee"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.guard.restore(state["guard"])
        self.step, self.position = checkpoint.step, state["positions"][rank]
        self.record.best = state["best"]
        self.skipped, self.shown = dict(state["skipped"]), dict(state["shown"])
        if state["random"] is not None:
            restore_random_state(state["random"][rank])  # last: nothing above may draw from it
        return True

    def run(self) -> bool:
        """Train to the end; False when a stop was requested before it (a checkpoint is there then).

        The trainee is in evaluation mode afterwards.

        Raises:
            TrainingFault: if the loss is not finite or explodes; the batch is saved for inspection.
        """
        self.record.open(self.step)
        self.trainee.module.train()
        self.optimiser.zero_grad(set_to_none=True)  # a network that comes from elsewhere may bring some
        try:
            return self._steps()
        finally:
            self.record.close()
            self.trainee.module.eval()

    def time_steps(self, most: int, seconds: float) -> tuple[int, float]:
        """Do a few steps and nothing else: no line, no look, no checkpoint. The run is of no use afterwards.

        Args:
            most: steps that are timed, after one that warms up.
            seconds: after which no further one begins.

        Returns:
            Steps and seconds; of a run of a single step that one.
        """
        self.trainee.module.train()
        self.optimiser.zero_grad(set_to_none=True)
        batches = self._batches()
        done, started = 0, time.perf_counter()
        for number in range(min(most + 1, self.plan.steps)):
            self._one_step(batches)
            self._check_previous()  # waits for the device
            if number == 0 and self.plan.steps > 1:
                self.clock.report()  # what warms up takes longer
                started = time.perf_counter()
                continue
            done += 1
            if any_in_world(time.perf_counter() - started >= seconds, self.processes):
                break
        return done, time.perf_counter() - started

    def _steps(self) -> bool:
        batches: Iterator[Any] | None = None
        since, images = time.perf_counter(), 0
        while self.step < self.plan.steps:
            # a finished run reads no data
            batches = self._batches() if batches is None else batches
            result, norm, seen = self._one_step(batches)
            # every process brings an equal part, see Processes.own_share
            images += seen * self.processes.size
            last = self.step == self.plan.steps
            stopping = self._is_stopping()
            if _due(self.step, self.plan.log_every) or last or stopping:
                seconds = time.perf_counter() - since
                self._log(result.losses, norm, rate=images / max(seconds, 1e-9))
                since, images = time.perf_counter(), 0
            pause = time.perf_counter()
            if _due(self.step, self.plan.validate_every) or last:
                self._validate()
            if _due(self.step, self.plan.checkpoint_every) or last or stopping:
                self._save()
            since += time.perf_counter() - pause  # images per second are those of training
            if self.hooks.progress and self.processes.is_first:
                self.hooks.progress(self.step, self.plan.steps, {**self.shown, "images_per_s": self.speed})
            if stopping and not last:  # asked for at the last step, there is nothing left to stop
                return False
        return True

    def _batches(self) -> Iterator[Any]:
        batches = self.trainee.batches(self.position)
        if self.processes.device.type != "cuda":
            return batches  # nothing runs beside the processor that could overlap with reading
        return prefetched(batches, prepare=lambda batch: batch.pin_memory())

    def _one_step(self, batches: Iterator[Any]) -> tuple[StepResult, Tensor, int]:
        self.clock.start()
        waiting = time.perf_counter()
        raw = next(batches)
        self.clock.add("data", time.perf_counter() - waiting)
        if self.trainee.begins_anew(self.step):
            # the guard too: its mean belongs to the losses of another task
            self.optimiser, self.guard = self.trainee.new_optimiser(), LossGuard()
        self.clock.start()
        result = self.trainee.step(self.step, raw.to(self.processes.device), self.clock)
        norm = self._update()
        self.clock.mark("update")
        self.step += 1
        # of the batch that was used: a prefetched one is read again after a resume
        self.position = raw.position
        for reason, count in raw.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count
        self._check_previous()
        self._unchecked = (self.step, result)
        if self.processes.device.type == "cpu":
            self._check_previous()  # nothing to overlap with, so a fault is seen before it spreads
        return result, norm, len(raw)

    def _update(self) -> Tensor:
        parameters = self.trainee.parameters()
        average_gradients(parameters, self.processes)
        # an infinite limit changes no gradient and still measures its norm, which the log wants
        limit = math.inf if self.trainee.clip_norm is None else self.trainee.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        set_rate(self.optimiser, self.trainee.rate(self.step))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm

    def _check_previous(self) -> None:
        """Look at the loss of the step before this one: its value is there already, so nothing waits for it."""
        if self._unchecked is None:
            return
        step, result = self._unchecked
        self._unchecked = None
        try:
            self.guard.check(step, float(result.losses["loss"]))
        except TrainingFault as fault:
            raise self.record.keep_fault(step, fault, result.evidence) from None

    def _is_stopping(self) -> bool:
        """Whether a stop was requested; several processes ask each other only now and then, because that waits for them."""
        # at least 1: a run that never logs (0) must hear a stop too
        if self.processes.size > 1 and not _due(self.step, max(self.plan.log_every, 1)):
            return False
        return any_in_world(bool(self.stop), self.processes)

    def _log(self, losses: Mapping[str, Tensor], norm: Tensor, *, rate: float) -> None:
        numbers = {name: float(v) for name, v in mean_over_world(dict(losses), self.processes).items()}
        shares = self.clock.report()
        known = sum(shares.values()) or 1.0
        self.shown = {
            **numbers,
            **self.trainee.metrics(),
            "gradient_norm": float(norm),
            "learning_rate": self.trainee.rate(self.step - 1),
        }
        self.speed = rate  # of this machine today: a result that holds it is another one each time
        stages = {f"share_{stage}": round(s / known, 4) for stage, s in shares.items()}
        skipped = {f"skipped_{reason}": count for reason, count in self.skipped.items()}
        self.record.write(self.step, {**self.shown, "images_per_s": rate, **stages, **skipped})

    def _validate(self) -> None:
        if self.processes.looks:
            self.trainee.module.eval()
            numbers = self.trainee.validate(self.step, self.shown)
            self.trainee.module.train()  # dropout and the like belong to the steps that follow
            if numbers and self.processes.is_first:
                self.record.write(self.step, {f"validation_{name}": v for name, v in numbers.items()})
                self.record.keep_best(self.step, numbers, self.trainee.state())
        wait_for_all(self.processes)

    def _save(self) -> None:
        self._check_previous()  # a checkpoint must never hold a step whose loss nobody has looked at
        positions = collect(self.position, self.processes)
        randoms = collect(random_state(), self.processes)
        state = {
            "trainee": self.trainee.state(),
            "optimiser": self.optimiser.state_dict(),
            "positions": positions,
            "random": randoms,
            "guard": self.guard.state(),
            "best": self.record.best,
            "skipped": self.skipped,
            "shown": self.shown,
            "fingerprint": dict(self.trainee.fingerprint),
        }
        self.record.save(self.step, state)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0

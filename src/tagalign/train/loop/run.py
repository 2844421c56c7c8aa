"""A training run of an aligner: steps, checkpoints, log, validation. A resumed run ends like an undisturbed one."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from tagalign.data.batches import FeatureBatch
from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.ops.precision import Precision
from tagalign.train.loop.checkpoints import Checkpoints, write_state
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.distributed import (
    any_in_world,
    average_gradients,
    collect,
    mean_over_world,
    wait_for_all,
)
from tagalign.train.loop.guards import LossGuard, StopRequest, TrainingFault
from tagalign.train.loop.log import MetricsLog
from tagalign.train.loop.prefetch import prefetched
from tagalign.train.loop.randomness import random_state, restore_random_state
from tagalign.train.loop.schedule import set_rate
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.step import Embed, forward_backward

Encode = Callable[[Any], FeatureBatch]
Validate = Callable[[int], Mapping[str, float]]
Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """Numbers of a run that the loop itself needs.

    Attributes:
        steps: optimiser steps in all.
        rate: learning rate of a step (from 0).
        clip_norm: largest norm of the gradient; None leaves it alone.
        precision: of the projector.
        micro_batch: images per forward pass of the projector.
        checkpoint_every: steps between checkpoints; 0 writes one at the end alone.
        validate_every: steps between validations; 0 validates at the end alone.
        log_every: steps between lines of the log.
        best: name of the validation number that decides the best checkpoint; a leading ``-`` means lower is better.
        fingerprint: what must be the same in a resumed run.
    """

    steps: int
    rate: Callable[[int], float]
    clip_norm: float | None = None
    precision: Precision = "fp32"
    micro_batch: int | None = None
    checkpoint_every: int = 500
    validate_every: int = 0
    log_every: int = 10
    best: str = "-held_out_loss"
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"expected at least 1 step, got {self.steps}")


class TrainingRun:
    """Trains an aligner; created once, ``run`` once.

    Args:
        aligner: on the device of ``world``.
        optimizer: over its parameters.
        source: a ``BatchSource``.
        plan: see ``RunPlan``.
        folder: for checkpoints, log and faulty batches; None keeps nothing.
        world: the processes.
        encode: turns batches of the source into feature batches; None where they are that already.
        embed: a compiled form of ``aligner.embed``.
        validate: numbers of a validation, given the step; called in the first process alone.
        progress: told after every step: done, all, and the last logged numbers.
        stop: becomes true when the run shall save and end.
        keep: checkpoints that stay.
        tensorboard: write TensorBoard files too.
    """

    def __init__(
        self,
        aligner: Aligner,
        optimizer: Optimizer,
        source: Any,
        plan: RunPlan,
        *,
        folder: Path | None = None,
        world: Processes | None = None,
        encode: Encode | None = None,
        embed: Embed | None = None,
        validate: Validate | None = None,
        progress: Progress | None = None,
        stop: StopRequest | None = None,
        keep: int = 2,
        tensorboard: bool = False,
    ) -> None:
        self.aligner, self.optimizer, self.source, self.plan = aligner, optimizer, source, plan
        self.world = world or Processes()
        self.folder = folder
        self.encode, self.embed, self.validate, self.progress = encode, embed, validate, progress
        self.stop = StopRequest() if stop is None else stop  # an unset request is false
        self.checkpoints = Checkpoints(folder / "checkpoints", keep=keep) if folder else None
        self.guard = LossGuard()
        self.clock = StepClock(self.world.device)
        self.step = 0
        self.position: Any = None
        self.best = -math.inf
        self.skipped: dict[str, int] = {}
        self.shown: dict[str, float] = {}
        self._tensorboard = tensorboard
        self._unchecked: tuple[int, Tensor, FeatureBatch] | None = None

    def resume(self) -> bool:
        """Go on from the newest checkpoint of the folder; False where there is none.

        Raises:
            InputError: if it belongs to a run with other settings; the first difference is named.
        """
        checkpoint = self.checkpoints.latest() if self.checkpoints else None
        if checkpoint is None:
            return False
        state = checkpoint.state
        check_same_run(state["fingerprint"], self.plan.fingerprint, self.folder)
        self.aligner.load_state_dict(state["aligner"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = state["positions"][self.world.rank]
        restore_random_state(state["random"][self.world.rank])
        self.guard.restore(state["guard"])
        self.step, self.best = checkpoint.step, state["best"]
        self.skipped, self.shown = dict(state["skipped"]), dict(state["shown"])
        return True

    def run(self) -> bool:
        """Train to the end; False when a stop was requested before it (a checkpoint is there then).

        Raises:
            TrainingFault: if the loss is not finite or explodes; the batch is saved for inspection.
        """
        log = None
        if self.folder and self.world.is_first:
            log = MetricsLog(
                self.folder / "metrics.jsonl", resume_step=self.step, tensorboard=self._tensorboard
            )
        try:
            return self._run(log)
        finally:
            if log is not None:
                log.close()

    def _run(self, log: MetricsLog | None) -> bool:
        self.aligner.train()
        batches = self._batches()
        since, images = time.perf_counter(), 0
        while self.step < self.plan.steps:
            batch, parts, norm = self._train_step(batches)
            images += len(batch) * self.world.size
            last = self.step == self.plan.steps
            stopping = self._is_stopping()
            if _due(self.step, self.plan.log_every) or last or stopping:
                seconds = time.perf_counter() - since
                self._log(log, parts, norm, images=images, seconds=seconds)
                since, images = time.perf_counter(), 0
            pause = time.perf_counter()
            if _due(self.step, self.plan.validate_every) or last:
                self._validate(log)
            if _due(self.step, self.plan.checkpoint_every) or last or stopping:
                self._save()
            since += time.perf_counter() - pause  # images per second are those of training
            if self.progress and self.world.is_first:
                self.progress(self.step, self.plan.steps, self.shown)
            if stopping and not last:
                return False
        return True

    def _is_stopping(self) -> bool:
        """Whether a stop was requested; several processes ask each other only now and then, because that waits for them."""
        if self.world.size > 1 and not _due(self.step, max(self.plan.log_every, 1)):
            return False
        return any_in_world(bool(self.stop), self.world)

    def _batches(self) -> Iterator[Any]:
        batches = self.source.batches(self.position)
        if self.world.device.type != "cuda":
            return batches
        return prefetched(batches, prepare=lambda batch: batch.pin_memory())

    def _train_step(self, batches: Iterator[Any]) -> tuple[FeatureBatch, dict[str, Tensor], Tensor]:
        self.clock.start()
        waiting = time.perf_counter()
        raw = next(batches)
        self.clock.add("data", time.perf_counter() - waiting)
        self.clock.start()
        batch: FeatureBatch = (self.encode or _identity)(raw.to(self.world.device))
        self.clock.mark("encoder")
        parts = forward_backward(
            self.aligner,
            batch,
            world=self.world,
            precision=self.plan.precision,
            micro_batch=self.plan.micro_batch,
            embed=self.embed,
            clock=self.clock,
        )
        norm = self._update()
        self.clock.mark("update")
        self.step += 1
        self.position = raw.position
        for reason, count in raw.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count
        self._check_previous()
        self._unchecked = (self.step, parts["loss"], batch)
        if self.world.device.type == "cpu":
            self._check_previous()  # nothing to overlap with, so a fault is seen before it spreads
        return batch, parts, norm

    def _update(self) -> Tensor:
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        average_gradients(parameters, self.world)
        limit = math.inf if self.plan.clip_norm is None else self.plan.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        set_rate(self.optimizer, self.plan.rate(self.step))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def _check_previous(self) -> None:
        """Look at the loss of the step before this one: its value is there already, so nothing waits for it."""
        if self._unchecked is None:
            return
        step, loss, batch = self._unchecked
        self._unchecked = None
        try:
            self.guard.check(step, float(loss))
        except TrainingFault as fault:
            if self.folder is None:
                raise
            path = self.folder / f"fault-step-{step}-rank-{self.world.rank}.safetensors"
            write_state(path, step, batch_state(batch))
            raise TrainingFault(f"{fault} ({path})") from None

    def _log(
        self, log: MetricsLog | None, parts: dict[str, Tensor], norm: Tensor, *, images: int, seconds: float
    ) -> None:
        numbers = {name: float(v) for name, v in mean_over_world(parts, self.world).items()}
        shares = self.clock.report()
        known = sum(shares.values()) or 1.0
        self.shown = {
            **numbers,
            **{f"logit_scale_{n}": v for n, v in self.aligner.scales().items()},
            "gradient_norm": float(norm),
            "learning_rate": self.plan.rate(self.step - 1),
            "images_per_s": images / max(seconds, 1e-9),
        }
        if log is not None:
            stages = {f"share_{stage}": round(s / known, 4) for stage, s in shares.items()}
            log.write(
                self.step, {**self.shown, **stages, **{f"skipped_{r}": n for r, n in self.skipped.items()}}
            )

    def _validate(self, log: MetricsLog | None) -> None:
        if self.validate is not None and self.world.is_first:
            self.aligner.eval()
            numbers = {f"validation_{name}": value for name, value in self.validate(self.step).items()}
            self.aligner.train()
            if log is not None:
                log.write(self.step, numbers)
            self._keep_best(numbers)
        wait_for_all(self.world)

    def _keep_best(self, numbers: Mapping[str, float]) -> None:
        value = numbers.get(f"validation_{self.plan.best.lstrip('-')}")
        if value is None:
            return
        score = -value if self.plan.best.startswith("-") else value
        if score > self.best:
            self.best = score
            if self.checkpoints is not None:
                self.checkpoints.save_best(self.step, {"aligner": self.aligner.state_dict(), "value": value})

    def _save(self) -> None:
        self._check_previous()  # a checkpoint must never hold a step whose loss nobody has looked at
        positions = collect(self.position, self.world)
        randoms = collect(random_state(), self.world) if self.world.size > 1 else [random_state()]
        if self.checkpoints is None or not self.world.is_first:
            return
        state = {
            "aligner": self.aligner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "positions": positions,
            "random": randoms,
            "guard": self.guard.state(),
            "best": self.best,
            "skipped": self.skipped,
            "shown": self.shown,
            "fingerprint": dict(self.plan.fingerprint),
        }
        self.checkpoints.save(self.step, state)


def check_same_run(stored: Mapping[str, Any], own: Mapping[str, Any], folder: Path | None) -> None:
    """Refuse to continue a run with other settings, which would be neither of the two.

    Raises:
        InputError: naming the first field that differs.
    """
    for name in sorted(stored.keys() | own.keys()):
        if stored.get(name) != own.get(name):
            raise InputError(
                f"{folder}: holds a run with {name} = {stored.get(name)!r}, now it is {own.get(name)!r}; "
                "continue with the same settings, or give another folder"
            )


def batch_state(batch: FeatureBatch) -> dict[str, Any]:
    """A batch as a storable state."""
    return {
        "features": batch.features,
        "grid": batch.grid,
        "texts": batch.texts,
        "tag_images": batch.tags.images,
        "tags": batch.tags.tags,
        "keys": list(batch.keys),
    }


def _identity(batch: FeatureBatch) -> FeatureBatch:
    return batch


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0

"""Train Tag2Text: several tasks at once, exact resume, from frozen image tokens or from photos.

trained = train_tag2text(model, data, wordpieces=words, names=tags, tasks=Tasks(), plan=Tag2TextPlan(steps=1000))
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from tagalign.data.tag2text.batches import Tag2TextBatch, Tag2TextData, batch_of_step, step_rng
from tagalign.errors import InputError
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces
from tagalign.train.loop.checkpoints import Checkpoints
from tagalign.train.loop.guards import LossGuard, StopRequest
from tagalign.train.loop.log import MetricsLog
from tagalign.train.loop.optimiser import decay_groups
from tagalign.train.loop.resume import check_same_run
from tagalign.train.loop.schedule import scheduled_rate, set_rate
from tagalign.train.tag2text.losses import TaskLosses, Tasks

RELEASED_FLOOR = 5e-7
RELEASED_DECAY = 0.9

Validate = Callable[[int], Mapping[str, float]]
Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class Tag2TextPlan:
    """Numbers of a run; the defaults of learning are the paper's (appendix A.1).

    Attributes:
        steps: optimiser steps.
        batch_size: images per step.
        learning_rate: after the warm-up.
        warmup: steps.
        schedule: ``linear``, ``cosine``, ``constant``, or ``released`` (0.9 per epoch, not below 5e-7).
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient; None leaves it alone, as the release does.
        profile: switches of the training, see ``profiles``.
        seed: of everything that is drawn.
        precision: ``fp32`` or ``bf16`` (autocast).
        checkpoint_every: steps between checkpoints.
        validate_every: steps between validations; 0 for none.
        log_every: steps between lines of the log.
    """

    steps: int
    batch_size: int = 960
    learning_rate: float = 1e-4
    warmup: int = 3000
    schedule: str = "linear"
    weight_decay: float = 0.05
    clip_norm: float | None = None
    profile: str = "fixed"
    seed: int = 0
    precision: str = "fp32"
    checkpoint_every: int = 500
    validate_every: int = 0
    log_every: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 2:
            raise InputError(
                f"expected at least 1 step and a batch of 2, got {self.steps} and {self.batch_size}"
            )
        if self.precision not in {"fp32", "bf16"}:
            raise InputError(f"precision is fp32 or bf16, got {self.precision!r}")

    def rate(self, step: int, *, images: int) -> float:
        """Learning rate of a step, from 0."""
        if self.schedule != "released":
            return scheduled_rate(
                self.learning_rate, step, steps=self.steps, schedule=self.schedule, warmup=self.warmup
            )
        return released_rate(
            self.learning_rate, step, steps_per_epoch=max(images // self.batch_size, 1), warmup=self.warmup
        )


def released_rate(base: float, step: int, *, steps_per_epoch: int, warmup: int) -> float:
    """Rate of the release's pre-training: warm-up from 5e-7 inside epoch 0 alone, then ``max(5e-7, base 0.9^epoch)``."""
    epoch = step // steps_per_epoch
    if epoch == 0:
        return min(base, RELEASED_FLOOR + (base - RELEASED_FLOOR) * step / max(warmup, 1))
    return max(RELEASED_FLOOR, base * RELEASED_DECAY**epoch)


class Tag2TextRun:
    """Network, optimiser and losses of one run; created once, ``run`` once."""

    def __init__(
        self, losses: TaskLosses, data: Tag2TextData, plan: Tag2TextPlan, *, folder: Path | None = None
    ) -> None:
        self.losses, self.data, self.plan, self.folder = losses, data, plan, folder
        self.model = losses.model
        self.trained = {n: p for n, p in self.model.own_parameters().items() if p.requires_grad}
        self.optimiser = self._optimiser()
        self.guard = LossGuard()
        self.checkpoints = None if folder is None else Checkpoints(folder / "checkpoints")
        self.step = 0
        self.numbers: dict[str, float] = {}

    def _optimiser(self) -> AdamW:
        plan = self.plan
        if plan.profile == "released":  # decays everything, biases and norms too
            return AdamW(self.trained.values(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        return AdamW(decay_groups(self.model, weight_decay=plan.weight_decay), lr=plan.learning_rate)

    def resume(self) -> bool:
        """Go on from the newest checkpoint of the folder; False where there is none.

        Raises:
            InputError: if it belongs to a run with other settings.
        """
        found = self.checkpoints.latest() if self.checkpoints else None
        if found is None:
            return False
        check_same_run(found.state["fingerprint"], self.fingerprint(), self.folder)
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(found.state["parameters"][name])
        self.optimiser.load_state_dict(found.state["optimiser"])
        self.guard.restore(found.state["guard"])
        self.step = found.step
        return True

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same in a resumed run, as JSON values."""
        plan = dataclasses.asdict(replace(self.plan, checkpoint_every=0, validate_every=0, log_every=0))
        tasks = dataclasses.asdict(self.losses.tasks)
        return {**plan, "tasks": tasks, "images": len(self.data.records), "tags": len(self.losses.names)}

    def save(self) -> None:
        """Write a checkpoint."""
        if self.checkpoints is not None:
            state = {
                "parameters": {n: p.detach() for n, p in self.trained.items()},
                "optimiser": self.optimiser.state_dict(),
                "guard": self.guard.state(),
                "fingerprint": self.fingerprint(),
            }
            self.checkpoints.save(self.step, state)

    def run(
        self,
        *,
        validate: Validate | None = None,
        progress: Progress | None = None,
        stop: StopRequest | None = None,
    ) -> bool:
        """Do the remaining steps; False when a stop was asked for before the last one."""
        plan = self.plan
        log = (
            None if self.folder is None else MetricsLog(self.folder / "metrics.jsonl", resume_step=self.step)
        )
        try:
            while self.step < plan.steps and not stop:
                self.numbers = self._one_step()
                self.step += 1
                last = self.step == plan.steps
                if validate is not None and (last or _due(self.step, plan.validate_every)):
                    self.numbers |= validate(self.step)
                if log is not None and (last or _due(self.step, plan.log_every)):
                    log.write(self.step, self.numbers)
                if last or _due(self.step, plan.checkpoint_every):
                    self.save()
                if progress is not None:
                    progress(self.step, plan.steps, self.numbers)
        finally:
            if log is not None:
                log.close()
        if self.step < plan.steps:
            self.save()
        self.model.eval()
        return self.step == plan.steps

    def _one_step(self) -> dict[str, float]:
        plan, step, started = self.plan, self.step, time.perf_counter()
        rate = plan.rate(step, images=len(self.data.records))
        set_rate(self.optimiser, rate)
        batch = batch_of_step(self.data, step, batch_size=plan.batch_size, seed=plan.seed)
        torch.manual_seed(
            step_rng(plan.seed, step, "dropout").getrandbits(62)
        )  # a resumed run draws the same
        self.model.train()
        losses, total = self._forward(batch)
        self.guard.check(step, total.item())
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        if plan.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.trained.values(), plan.clip_norm)
        self.optimiser.step()
        numbers = {"loss": total.item(), "learning_rate": rate, **{k: v.item() for k, v in losses.items()}}
        return numbers | {"images_per_s": plan.batch_size / (time.perf_counter() - started)}

    def _forward(self, batch: Tag2TextBatch) -> tuple[dict[str, Tensor], Tensor]:
        device = next(iter(self.trained.values())).device
        batch = replace(batch, images=batch.images.to(device))
        rng = step_rng(self.plan.seed, self.step, "tasks")
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.plan.precision == "bf16"):
            losses = self.losses(batch, rng)
            return losses, self.losses.total(losses)


def train_tag2text(
    model: Tag2Text,
    data: Tag2TextData,
    *,
    wordpieces: Wordpieces,
    names: Sequence[str],
    plan: Tag2TextPlan,
    tasks: Tasks | None = None,
    choice: TagChoice | None = None,
    out_dir: str | Path | None = None,
    validate: Validate | None = None,
    progress: Progress | None = None,
    stop: StopRequest | None = None,
) -> Tag2TextRun:
    """Train a network in place; an ``out_dir`` with checkpoints of the same run is continued.

    Args:
        model: new, or trained before (fine-tuning).
        data: ``TokenData`` or ``PhotoData``.
        wordpieces: the tokenizer.
        names: the tag list; ids of the data point into it.
        plan: numbers of the run.
        tasks: what is learned; the four pre-training tasks when None.
        choice: what counts as recognised when recognised tags guide the caption.
        out_dir: gets ``checkpoints/`` and ``metrics.jsonl``; None keeps everything in memory.
        validate: numbers (e.g. mAP) given the step; the model is not in evaluation mode by itself.
        progress: told steps done, steps in all, last numbers.
        stop: save and end as soon as it is true.

    Raises:
        InputError: for settings that do not fit together or to the checkpoints of ``out_dir``.
        TrainingFault: if the loss is not finite or explodes.
    """
    losses = TaskLosses(
        model,
        wordpieces,
        names,
        choice=choice or TagChoice.of(len(names)),
        profile=load_profile(plan.profile),
        tasks=tasks or Tasks(),
    )
    run = Tag2TextRun(losses, data, plan, folder=None if out_dir is None else Path(out_dir))
    run.resume()
    run.run(validate=validate, progress=progress, stop=stop)
    return run


def released_finetune_rate(base: float, epoch: int, *, epochs: int) -> float:
    """Rate of the release's fine-tuning: a cosine per epoch from ``base`` to 0."""
    return 0.5 * base * (1 + math.cos(math.pi * epoch / epochs))


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0

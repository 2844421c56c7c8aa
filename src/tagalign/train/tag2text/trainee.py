"""Tag2Text as what the loop trains: several tasks at once, from frozen image tokens or from photos."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import (
    Tag2TextBatch,
    Tag2TextData,
    batch_of_rows,
    batch_of_step,
    step_rng,
)
from tagalign.data.tag2text.stream import RecordStream
from tagalign.errors import InputError
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.ops.compiling import compiled
from tagalign.ops.precision import autocast, resolve_precision
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.nested import State
from tagalign.train.loop.optimiser import decay_groups, slower_groups
from tagalign.train.loop.pieces import forward_in_pieces, pieces_of
from tagalign.train.loop.trainee import Position, StepResult, Trainee
from tagalign.train.tag2text.losses import TaskLosses, Tasks
from tagalign.train.tag2text.momentum import MomentumContrast
from tagalign.train.tag2text.plan import Tag2TextPlan


class Tag2TextTrainee(Trainee[Tag2TextBatch]):
    """Trains a network in place.

    Args:
        method: the network with its tokenizer, tag list and what counts as recognised.
        data: what is learned from.
        plan: everything that is chosen.
        tasks: what is learned.
        processes: that share the batches.
        held_out: images that are never trained on; their losses are computed at every validation.
        check: more numbers of a validation.

    Raises:
        InputError: for a slower image tower where it is frozen.
    """

    def __init__(
        self,
        method: Tag2TextMethod,
        data: Tag2TextData | RecordStream,
        plan: Tag2TextPlan,
        tasks: Tasks,
        *,
        processes: Processes,
        held_out: Tag2TextData | None = None,
        check: Callable[[Tag2TextMethod], Mapping[str, float]] | None = None,
    ) -> None:
        self.method, self.data, self.plan = method, data, plan
        self.processes, self.held_out, self.check = processes, held_out, check
        self.precision = resolve_precision(plan.precision, processes.device)
        if plan.tower_rate_share != 1 and method.model.image_encoder.external:
            raise InputError(
                f"tower_rate_share {plan.tower_rate_share:g} slows the image tower, but this one is frozen; leave it out"
            )
        own = method.model.own_parameters()  # a frozen image encoder is none of them
        self.trained = {name: p for name, p in own.items() if p.requires_grad}
        momentum = None
        if tasks.momentum is not None:
            ramp = max(self.images // plan.batch_size, 1)
            momentum = MomentumContrast(method.model, tasks.momentum, ramp=ramp)
        self.losses = TaskLosses(
            model=method.model,
            wordpieces=method.wordpieces,
            names=tuple(method.tags.names),
            choice=method.choice,
            profile=load_profile(plan.profile),
            tasks=tasks,
            processes=processes,
            momentum=momentum,
            encode=compiled(method.model.image_encoder, processes.device) if plan.compile_network else None,
        )

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.method.model

    @cached_property
    def images(self) -> int:
        """In an epoch; of a stream every shard is opened to count them."""
        data = self.data
        return data.shards.count if isinstance(data, RecordStream) else len(data.records)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Plan, tasks, and how much there is to learn from."""
        return self.plan.deciding() | {
            "precision": self.precision,
            "tasks": self.losses.tasks.deciding(),
            "images": self.data.shards.mark
            if isinstance(self.data, RecordStream)
            else len(self.data.records),
            "tags": len(self.losses.names),
        }

    @property
    def clip_norm(self) -> float | None:
        """Of the plan."""
        return self.plan.clip_norm

    def parameters(self) -> list[nn.Parameter]:
        """Every trained one once, shared ones too."""
        return list(self.trained.values())

    def new_optimiser(self) -> AdamW:
        """AdamW; the profile says whether biases and norms decay, the plan how fast the image tower learns."""
        plan = self.plan
        groups: list[dict[str, Any]] = (
            [{"params": self.parameters()}]
            if self.losses.profile.decay_all
            else decay_groups(self.module, weight_decay=plan.weight_decay)
        )
        if plan.tower_rate_share != 1:
            tower = self.losses.model.image_encoder.parameters()
            groups = slower_groups(groups, tower, rate_factor=plan.tower_rate_share)
        return AdamW(groups, lr=plan.learning_rate, weight_decay=plan.weight_decay)

    def rate(self, step: int) -> float:
        """Of the plan; the release's depends on the length of an epoch."""
        # what no schedule asks for is not counted
        images = self.images if self.plan.schedule == "released" else self.plan.batch_size
        return self.plan.rate(step, images=images)

    def batches(self, position: Position) -> Iterator[Tag2TextBatch]:
        """Of step ``position`` and all later ones: what a step sees follows from seed and step alone."""
        plan = self.plan
        if isinstance(self.data, RecordStream):
            yield from self.data.batches(
                position, batch_size=plan.batch_size, seed=plan.seed, processes=self.processes
            )
            return
        for step in range(position or 0, plan.steps):
            yield batch_of_step(
                self.data, step, batch_size=plan.batch_size, seed=plan.seed, processes=self.processes
            )

    def step(self, step: int, batch: Tag2TextBatch, clock: StepClock) -> StepResult:
        """All tasks forward, then backward; dropout depends on seed, step and process.

        With ``micro_batch`` the image encoder, most of a step's memory, sees so many photos at a time; the text parts see
        the whole batch, whose captions and photos are compared with each other.
        """
        plan, rank = self.plan, self.processes.rank
        purpose = "dropout" if rank == 0 else f"dropout/{rank}"
        torch.manual_seed(step_rng(plan.seed, step, purpose).getrandbits(62))  # a resumed run draws the same
        tokens, carry_on = self._tokens_in_pieces(batch)
        losses, total = self._forward(self.losses, batch, step_rng(plan.seed, step, "tasks"), tokens)
        clock.mark("loss")
        total.backward()
        if carry_on is not None:
            carry_on()
        clock.mark("backward")
        terms = {name: value.detach() for name, value in losses.items()}
        evidence = {"images": batch.images, "captions": list(batch.captions[batch.own])}
        return StepResult(losses={"loss": total.detach(), **terms}, evidence=evidence)

    def _tokens_in_pieces(self, batch: Tag2TextBatch) -> tuple[Tensor | None, Callable[[], None] | None]:
        """Image tokens of a batch that is cut, and what carries their gradient on; None where it is not cut."""
        pieces = pieces_of(len(batch.images), self.plan.micro_batch)
        if batch.are_tokens or len(pieces) == 1:
            return None, None

        def forward(piece: slice) -> Tensor:
            with autocast(self.precision, self.processes.device):
                return self.losses.image_tokens(batch, piece)

        if self.method.model.image_encoder.external:  # frozen: no gradient goes into it
            return torch.cat([forward(piece) for piece in pieces]), None
        return forward_in_pieces(forward, pieces, self.processes.device)

    def _forward(
        self, losses: TaskLosses, batch: Tag2TextBatch, rng: Random, tokens: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        # losses inside: autocast itself takes cross-entropies and sums in float32
        with autocast(self.precision, self.processes.device):
            found = losses(batch, rng, tokens=tokens)
            return found, losses.total(found)

    def state(self) -> State:
        """What was trained, every parameter once, and the momentum encoder with its queue where there is one."""
        own = {name: p.detach() for name, p in self.trained.items()}
        return own if self.losses.momentum is None else own | self.losses.momentum.state()

    @torch.no_grad()
    def load_state(self, state: State) -> None:
        """Put it back."""
        for name, parameter in self.trained.items():
            parameter.copy_(state[name])
        if self.losses.momentum is not None:
            self.losses.momentum.load_state(state)

    def validate(self, step: int, shown: Mapping[str, float]) -> Mapping[str, float]:
        """Losses on held-out images, and what the caller measures."""
        own = {} if self.held_out is None else self._held_out_losses(self.held_out)
        return own if self.check is None else {**own, **self.check(self.method)}

    @torch.no_grad()
    def _held_out_losses(self, data: Tag2TextData) -> dict[str, float]:
        """Mean losses over all images in their own order, named ``held_out_loss``, ``held_out_tagging``, ...

        What is drawn is the same at every validation. The last, smaller batch is left out unless it is the only one, because
        losses that compare images depend on its size; a single image has none.
        """
        size = min(self.plan.batch_size, len(data.records))
        if size < 2:
            return {}
        losses, totals = (
            # within the batch: a look must not fill the queue
            replace(self.losses, processes=Processes(device=self.processes.device), momentum=None),
            dict[str, float](),
        )
        starts = range(0, len(data.records) - size + 1, size)
        for number, start in enumerate(starts):
            batch = batch_of_rows(data, range(start, start + size), number, seed=self.plan.seed)
            rng = step_rng(self.plan.seed, number, "held-out")
            found, total = self._forward(losses, batch.to(self.processes.device), rng)
            for name, value in {"loss": total, **found}.items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {f"held_out_{name}": total / len(starts) for name, total in totals.items()}

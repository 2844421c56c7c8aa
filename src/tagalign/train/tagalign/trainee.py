"""A projector (or another tower) with its loss terms as what the loop trains."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.optim import Optimizer

from tagalign.data.batches import BatchSource, FeatureBatch
from tagalign.data.feature_pairs import FeaturePairs
from tagalign.data.processes import Processes
from tagalign.data.teacher_scores import TeacherScores, taught
from tagalign.ops.precision import Precision
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.nested import State
from tagalign.train.loop.optimiser import decay_groups
from tagalign.train.loop.trainee import Position, StepResult, Trainee
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.held_out import held_out_losses
from tagalign.train.tagalign.plan import EncodeBatch
from tagalign.train.tagalign.profiles import TrainProfile
from tagalign.train.tagalign.setup import make_optimizer
from tagalign.train.tagalign.step import Embed, forward_backward

Validation = Callable[[int, Mapping[str, float]], Mapping[str, float]]
"""Numbers of a validation, given the steps done and the last logged numbers."""


@dataclass(kw_only=True, eq=False)
class AlignerTrainee(Trainee[Any]):
    """Trains an aligner.

    Attributes:
        aligner: on the device of ``processes``.
        source: of batches, on any device.
        switches: of the training.
        rates: learning rate of a step.
        processes: negatives are gathered from all of them.
        precision: of the projector.
        micro_batch: see ``forward_backward``.
        encode: turns batches of the source into feature batches; None where they are that already.
        embed: a compiled form of ``aligner.embed``.
        teacher: a frozen tagger whose scores go with the batches.
        held_out: pairs whose losses are validated.
        check: more numbers of a validation.
        facts: what a resumed run must agree in.
    """

    aligner: Aligner
    source: BatchSource[Any]
    switches: TrainProfile
    rates: Callable[[int], float]
    processes: Processes
    precision: Precision = "fp32"
    micro_batch: int | None = None
    encode: EncodeBatch | None = None
    embed: Embed | None = None
    teacher: TeacherScores | None = None
    held_out: FeaturePairs | None = None
    check: Validation | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> nn.Module:
        """The aligner."""
        return self.aligner

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The facts."""
        return self.facts

    @property
    def clip_norm(self) -> float | None:
        """Of the profile."""
        return self.switches.clip_norm

    def parameters(self) -> list[nn.Parameter]:
        """In the order of the optimiser's groups."""
        groups = decay_groups(self.aligner, weight_decay=0.0, decay_scalars=self.switches.decay_scalars)
        return [p for group in groups for p in group["params"]]

    def new_optimiser(self) -> Optimizer:
        """AdamW with the values of the profile."""
        return make_optimizer(self.aligner, self.switches, self.rates(0))

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        return self.rates(step)

    def batches(self, position: Position) -> Iterator[Any]:
        """Of the source."""
        return self.source.batches(position)

    def step(self, step: int, batch: Any, clock: StepClock) -> StepResult:
        """Encode where that is needed, then forward and backward."""
        features = batch if self.encode is None else self.encode(batch)
        # by key and not in the source: neither streams nor feature caches need to know what teaches
        features = taught(features, self.teacher)
        clock.mark("encoder")
        losses = forward_backward(
            self.aligner,
            features,
            world=self.processes,
            precision=self.precision,
            micro_batch=self.micro_batch,
            embed=self.embed,
            clock=clock,
        )
        return StepResult(losses=losses, evidence=batch_state(features))

    def state(self) -> State:
        """Projector and temperatures."""
        return self.aligner.state_dict()

    def load_state(self, state: State) -> None:
        """Put them back."""
        self.aligner.load_state_dict(state)

    def metrics(self) -> Mapping[str, float]:
        """The inverse temperatures."""
        return {f"logit_scale_{name}": value for name, value in self.aligner.scales().items()}

    def validate(self, step: int, shown: Mapping[str, float]) -> Mapping[str, float]:
        """Held-out losses, and what the caller measures."""
        own: Mapping[str, float] = {}
        if self.held_out is not None:
            own = held_out_losses(
                self.aligner, self.held_out, device=self.processes.device, teacher=self.teacher
            )
        return own if self.check is None else {**own, **self.check(step, shown)}


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

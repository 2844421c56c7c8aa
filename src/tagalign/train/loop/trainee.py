"""What the loop trains: a ``Trainee`` says what a step computes and what must be stored; the loop does everything else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.nested import State

Position = Any
"""JSON values that say where a stream of batches stands; the loop stores them without looking."""


@runtime_checkable
class Batch(Protocol):
    """What a step sees: the part of one process."""

    @property
    def position(self) -> Position:
        """Where the stream stands after this batch."""
        ...

    @property
    def skipped(self) -> Mapping[str, int]:
        """Samples left out on the way, by reason."""
        ...

    def __len__(self) -> int:
        """Images."""
        ...

    def to(self, device: torch.device) -> "Batch":
        """On another device, without waiting for the copies."""
        ...

    def pin_memory(self) -> "Batch":
        """In page-locked memory, from which copies run beside the computation."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class StepResult:
    """What a step leaves behind, apart from the gradients.

    Attributes:
        losses: ``loss``, which the guard looks at, and its terms; scalars of this process, without graph.
        evidence: the batch as a storable state, written to disk if the loss is at fault.
    """

    losses: Mapping[str, Tensor]
    evidence: State = field(default_factory=dict)


BatchT = TypeVar("BatchT", bound=Batch)


@runtime_checkable
class Trainee(Protocol[BatchT]):
    """Something that is trained. A step must depend on its number, its batch and the stored state alone.

    Then a run that was killed and resumed ends like an undisturbed one. Global random numbers may be drawn: the loop stores
    their state. What is not random comes from ``(seed, step)``.
    """

    @property
    def module(self) -> nn.Module:
        """Put into training and evaluation mode by the loop."""
        ...

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """JSON values that must be the same in a resumed run, because they decide the weights."""
        ...

    @property
    def clip_norm(self) -> float | None:
        """Largest norm of the gradient; None leaves it alone."""
        ...

    def parameters(self) -> list[nn.Parameter]:
        """What gradients are averaged and clipped for, in an order that is the same in every process."""
        ...

    def new_optimiser(self) -> Optimizer:
        """An optimiser that has seen nothing."""
        ...

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        ...

    def begins_anew(self, step: int) -> bool:
        """Whether this step starts from weights alone: new optimiser, new guard."""
        return False

    def batches(self, position: Position) -> Iterator[BatchT]:
        """This process's batches, from the start (None) or from the ``position`` that an earlier batch carried."""
        ...

    def step(self, step: int, batch: BatchT, clock: StepClock) -> StepResult:
        """Add the gradient of a batch, which is on the device, to the parameters.

        With several processes each brings its part. A loss must be such that its mean over the processes is the loss of the
        whole batch: the loop averages gradients.
        """
        ...

    def state(self) -> State:
        """The trained values."""
        ...

    def load_state(self, state: State) -> None:
        """Put back what ``state`` gave."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """Numbers to log beside the losses, e.g. temperatures."""
        return {}

    def validate(self, step: int, shown: Mapping[str, float]) -> Mapping[str, float]:
        """Numbers of a validation after ``step`` steps, in evaluation mode; called where ``Processes.looks``."""
        return {}


Progress = Callable[[int, int, Mapping[str, float]], None]
"""Told after every step: steps done, steps in all, the last logged numbers."""

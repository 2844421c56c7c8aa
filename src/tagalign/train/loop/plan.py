"""How long a run is, and how often it saves, looks and writes: what the plans of all methods share."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

from tagalign.errors import InputError
from tagalign.ops.precision import PrecisionChoice
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.trainee import Progress


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """Numbers of a run. The plan of a method adds its own.

    Attributes:
        steps: optimiser steps in all.
        batch_size: images per step, over all processes.
        seed: of everything that is drawn.
        precision: of the products, see ``resolve_precision``.
        micro_batch: images whose graph is held at a time, of each process; the gradient is that of the whole batch. None
            takes all at once.
        compile_network: run what is trained through ``torch.compile``.
        checkpoint_every: steps between checkpoints, what a killed run can lose; 0 writes one at the end alone.
        keep: checkpoints that stay.
        validate_every: steps between validations; 0 validates at the end alone.
        log_every: steps between lines of the log.
        best: the validation number that decides ``best/``; a leading ``-`` means lower is better.
        tensorboard: write TensorBoard files too.
    """

    steps: int
    batch_size: int
    seed: int = 0
    precision: PrecisionChoice = "fp32"
    micro_batch: int | None = None
    compile_network: bool = False
    checkpoint_every: int = 500
    keep: int = 2
    validate_every: int = 0
    log_every: int = 10
    best: str = "-held_out_loss"
    tensorboard: bool = False

    def __post_init__(self) -> None:
        least = {"steps": 1, "batch_size": 1, "seed": 0, "checkpoint_every": 0, "keep": 1}
        for name, value in (least | {"validate_every": 0, "log_every": 0}).items():
            if getattr(self, name) < value:
                raise InputError(f"{name} must be at least {value}, got {getattr(self, name)}")
        if self.micro_batch is not None and self.micro_batch < 1:
            raise InputError(f"micro_batch must be at least 1, got {self.micro_batch}")

    def deciding(self) -> dict[str, Any]:
        """The fields that decide the weights, as JSON would give them back: how often a run writes is none of them."""
        own = asdict(self)
        left_out = {*OF_WRITING, *OF_COST}
        return {f.name: as_listed(own[f.name]) for f in fields(self) if f.name not in left_out}


OF_WRITING = ("checkpoint_every", "keep", "validate_every", "log_every", "best", "tensorboard")
"""Fields of a plan that a resumed run may change."""

OF_COST = ("micro_batch", "compile_network")
"""Fields that change memory and time, and no gradient beyond rounding: a run that ran out of memory goes on in pieces."""


Model = TypeVar("Model")


@dataclass(frozen=True, kw_only=True)
class Hooks(Generic[Model]):
    """What a caller hears of a run, and how he ends it.

    Attributes:
        validate: numbers (e.g. mIoU) of the model so far, in evaluation mode; called in the processes that
            look (``Processes.looks``): the first alone, or all where the encoder is spread over them.
        progress: see ``Progress``; called in the first process alone.
        stop: becomes true when the run shall save and end.
    """

    validate: Callable[[Model], Mapping[str, float]] | None = None
    progress: Progress | None = None
    stop: StopRequest | None = None


def as_listed(value: Any) -> Any:
    """The value with lists for tuples, as JSON would give it back."""
    if isinstance(value, Mapping):
        return {k: as_listed(v) for k, v in value.items()}
    return [as_listed(v) for v in value] if isinstance(value, (list, tuple)) else value

"""Learning rates as pure functions of the step: nothing to store, a resumed run computes the same number."""

import math
from collections.abc import Callable
from typing import Literal

from torch.optim import Optimizer

from tagalign.errors import UnknownNameError

Schedule = Literal["constant", "linear", "cosine"]
"""A name in ``SHAPES``."""

SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}
"""Share of the rate that is left when a share of the run (in [0, 1], warm-up not counted) is done."""


def scheduled_rate(
    base: float, step: int, *, steps: int, schedule: str = "constant", warmup: int = 0, final: float = 0.0
) -> float:
    """Learning rate of the update number ``step`` (from 0).

    Args:
        base: rate after the warm-up.
        step: 0 for the first update.
        steps: updates of the whole run.
        schedule: ``constant``, or a ``cosine`` or ``linear`` decay from ``base`` to ``final``.
        warmup: updates over which the rate rises linearly; the first one uses ``base / warmup``.
        final: rate at the end of a decay.

    Raises:
        UnknownNameError: for an unknown schedule.
    """
    if schedule not in SHAPES:
        raise UnknownNameError("schedule", schedule, SHAPES)
    if step < warmup:
        return base * (step + 1) / warmup  # + 1: the first update is not lost on a rate of 0
    left = SHAPES[schedule](min((step - warmup) / max(steps - warmup, 1), 1.0))
    return base * left + final * (1.0 - left)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Use one learning rate for all parameter groups, times a group's own ``rate_factor`` where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("rate_factor", 1.0)

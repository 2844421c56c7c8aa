"""Everything that is chosen for a run of Tag2Text, and the release's learning rates."""

from dataclasses import dataclass
from typing import Any, Literal

from tagalign.errors import InputError
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.schedule import scheduled_rate

RELEASED_FLOOR = 5e-7
RELEASED_DECAY = 0.9

Tag2TextSchedule = Literal["linear", "cosine", "constant", "released"]
"""Of the learning rate; ``released`` is 0.9 per epoch and not below 5e-7."""


@dataclass(frozen=True, kw_only=True)
class Tag2TextPlan(TrainPlan):
    """Numbers of a run; the defaults of learning are the paper's (appendix A.1).

    Attributes:
        batch_size: images per step, over all processes.
        learning_rate: after the warm-up.
        tower_rate_share: of the learning rate, for the image tower: below 1 where it alone was trained before.
        warmup: steps.
        schedule: see ``Schedule``.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient; None leaves it alone, as the release does.
        profile: switches of the training, see ``methods.tag2text.profiles``.
        log_every: see ``TrainPlan``, like what is not named here.
    """

    batch_size: int = 960
    learning_rate: float = 1e-4
    tower_rate_share: float = 1.0
    warmup: int = 3000
    schedule: Tag2TextSchedule = "linear"
    weight_decay: float = 0.05
    clip_norm: float | None = None
    profile: Literal["paper", "released", "fixed"] = "fixed"
    log_every: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 2:
            raise InputError(f"batch_size must be at least 2, got {self.batch_size}")
        if self.warmup < 0:
            raise InputError(f"warmup must be at least 0, got {self.warmup}")
        if not 0 < self.tower_rate_share <= 1:
            raise InputError(f"tower_rate_share must be above 0 and at most 1, got {self.tower_rate_share:g}")

    def deciding(self) -> dict[str, Any]:
        """As of every plan; one rate for all is not named, so that runs from before there were two go on."""
        found = super().deciding()
        if self.tower_rate_share == 1:
            del found["tower_rate_share"]
        return found

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

"""A GroupViT tower as what the loop trains, with or without the consistency of its masks."""

from dataclasses import dataclass
from typing import Any

import torch

from tagalign.data.batches import FeatureBatch
from tagalign.data.teacher_scores import taught
from tagalign.ops.grid import tokens_to_map
from tagalign.ops.precision import PRECISIONS, autocast
from tagalign.train.groupvit.consistency import PREFIX, MaskConsistency
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.nested import State
from tagalign.train.loop.trainee import StepResult
from tagalign.train.tagalign.step import join_embeds
from tagalign.train.tagalign.trainee import AlignerTrainee, batch_state


@dataclass(kw_only=True, eq=False)
class GroupTrainee(AlignerTrainee):
    """Trains a tower.

    Attributes:
        consistency: of masks across images; None leaves it out, and a step is that of an ``AlignerTrainee``.
    """

    consistency: MaskConsistency | None = None

    def step(self, step: int, batch: Any, clock: StepClock) -> StepResult:
        """Forward and backward, once, of all losses together."""
        if self.consistency is None:
            return super().step(step, batch, clock)
        features = taught(batch if self.encode is None else self.encode(batch), self.teacher)
        clock.mark("encoder")
        losses = self._losses(features, self.consistency)
        clock.mark("loss")
        losses["loss"].backward()
        clock.mark("backward")
        return StepResult(
            losses={name: value.detach() for name, value in losses.items()}, evidence=batch_state(features)
        )

    def _losses(self, features: FeatureBatch, consistency: MaskConsistency) -> dict[str, torch.Tensor]:
        numbers = features.features.to(PRECISIONS[self.precision] or torch.float32)
        pixels = tokens_to_map(numbers, features.grid)
        with autocast(self.precision, pixels.device):
            bound = consistency.tower.bind(pixels)
            masks = consistency.loss(bound, pixels, features.tags)
        total, parts = self.aligner(join_embeds(bound.images.float(), features, self.processes))
        return {"loss": total + consistency.plan.weight * masks, **parts, "consistency": masks}

    def state(self) -> State:
        """Tower and temperatures, and the copy that follows the tower where there is one."""
        own = super().state()
        return own if self.consistency is None else {**own, **self.consistency.state()}

    def load_state(self, state: State) -> None:
        """Put them back."""
        super().load_state({name: value for name, value in state.items() if not name.startswith(PREFIX)})
        if self.consistency is not None:
            self.consistency.load_state(state)

"""Train a GroupViT vision tower against a frozen text tower, with captions alone or with tags: the paper's Table 7.

Grouping draws Gumbel noise, so the global random state is part of a run (checkpoints keep it).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.groupvit.encoder import GroupViT
from tagalign.backbones.protocols import Weights
from tagalign.data.feature_pairs import FeaturePairs
from tagalign.data.processes import Processes
from tagalign.ops.precision import resolve_precision
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.groupvit.tower import GroupTower
from tagalign.train.loop.plan import Hooks, TrainPlan
from tagalign.train.loop.randomness import seed_everything
from tagalign.train.loop.run import TrainingRun
from tagalign.train.loop.schedule import scheduled_rate
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.plan import BOTH_LOSSES, TrainingPairs
from tagalign.train.tagalign.profiles import train_profile
from tagalign.train.tagalign.setup import loss_terms
from tagalign.train.tagalign.trainee import AlignerTrainee


@dataclass(frozen=True, kw_only=True)
class GroupVitPlan(TrainPlan):
    """Numbers of a run of GroupViT.

    Attributes:
        losses: weight of ``tag`` and ``contrastive``.
        learning_rate: top of a cosine schedule.
        warmup: steps.
    """

    losses: Mapping[str, float] = field(default_factory=lambda: dict(BOTH_LOSSES))
    learning_rate: float = 1e-3
    warmup: int = 20

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        return scheduled_rate(
            self.learning_rate, step, steps=self.steps, schedule="cosine", warmup=self.warmup
        )


def train_groupvit(
    backbone: Encoder,
    pairs: FeaturePairs,
    tower: GroupTower,
    plan: GroupVitPlan,
    *,
    vocabulary: TagVocabulary | None,
    hooks: Hooks[Any] = Hooks(),  # noqa: B008 - frozen
) -> GroupViT:
    """Train a tower in one process; the text tower and its embeddings stay as they are.

    Args:
        backbone: a frozen CLIP, for its text tower, tokenizer and preprocessing.
        pairs: from ``pixel_pairs``.
        tower: what is trained, in place.
        plan: its seed is of the noise in the groups and of the order of the pairs.
        vocabulary: of the tags; None for captions alone.
        hooks: progress, and a request to stop.

    Returns:
        The trained tower as a ``Backbone``.
    """
    processes, switches = Processes(device=backbone.device), train_profile("paper")
    seed_everything(plan.seed)
    trainee = AlignerTrainee(
        aligner=Aligner(tower, loss_terms(backbone, switches, plan.losses, vocabulary=vocabulary)),
        source=TrainingPairs(pairs=pairs).source(plan, processes),
        switches=switches,
        rates=plan.rate,
        processes=processes,
        precision=resolve_precision(plan.precision, processes.device),
    )
    TrainingRun(trainee, plan, processes=processes, hooks=hooks).run()
    return GroupViT(
        backbone.text,
        backbone.preprocessing,
        vision=tower.vision,
        projection=tower.head,
        weights=Weights(name=f"GroupViT beside {backbone.name}"),
    )

"""What is chosen and what is given for a run of TagAlign: the numbers that decide the projector, and its pairs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from tagalign.data.batches import BatchSource, FeatureBatch
from tagalign.data.feature_pairs import FeaturePairs, ShuffledPairs
from tagalign.data.processes import Processes
from tagalign.data.teacher_scores import TeacherScores
from tagalign.errors import InputError
from tagalign.methods.dense.projector import NUM_BLOCKS
from tagalign.methods.tagalign.folder import MODE
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.schedule import Schedule, scheduled_rate
from tagalign.train.tagalign.distillation import Distilled
from tagalign.train.tagalign.profiles import ProfileName, TrainProfile, train_profile
from tagalign.train.tagalign.tag_losses import open_tag_loss

BOTH_LOSSES = {"tag": 1.0, "contrastive": 1.0}  # equation 6 with lambda = 1
DISTILLATION = "distillation"
LOSSES = (*BOTH_LOSSES, DISTILLATION)

EncodeBatch = Callable[[Any], FeatureBatch]
"""Turns pixel batches into feature batches, see ``FrozenEncoder``."""


@dataclass(frozen=True, kw_only=True)
class TagAlignPlan(TrainPlan):
    """Numbers of a run of TagAlign.

    Attributes:
        losses: weight of ``tag``, ``contrastive`` and ``distillation``; a weight of 0 leaves that loss out.
        loss: tag loss, ``focal`` or with options of its own ``focal:gamma=1``; the profile's when None.
        profile: see ``profiles``.
        mode: dense mode of the features.
        num_blocks: gated convolutions of the projector; 0 trains CLIP's own head alone.
        split_kinds: one softmax per kind of tag instead of one over the whole list.
        learning_rate: the profile's when None.
        schedule: see ``scheduled_rate``.
        warmup: steps.
    """

    losses: Mapping[str, float] = field(default_factory=lambda: dict(BOTH_LOSSES))
    loss: str | None = None
    profile: ProfileName = "paper"
    mode: str = MODE
    num_blocks: int = NUM_BLOCKS
    split_kinds: bool = False
    learning_rate: float | None = None
    schedule: Schedule = "constant"
    warmup: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in {"num_blocks": 0, "warmup": 0}.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        open_tag_loss(self.switches().loss)  # refused before anything is encoded

    def switches(self) -> TrainProfile:
        """The profile with what the plan chooses instead of it."""
        return train_profile(self.profile).with_choices(loss=self.loss, learning_rate=self.learning_rate)

    def top_rate(self) -> float:
        """Learning rate after the warm-up: a profile may let it grow with the batch."""
        return self.switches().rate_for_batch(self.batch_size)

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        return scheduled_rate(
            self.top_rate(), step, steps=self.steps, schedule=self.schedule, warmup=self.warmup
        )

    def shape(self) -> dict[str, Any]:
        """The schedule as facts of the run; a constant one does not depend on the steps, so a run may be made longer."""
        steps = {} if self.schedule == "constant" else {"steps": self.steps}
        return {"schedule": self.schedule, "warmup": self.warmup} | steps


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingPairs:
    """What a projector learns from.

    Attributes:
        pairs: frozen features, or a source of pixel batches together with ``encode``.
        vocabulary: the tags that the labels of ``pairs`` count in; None trains on captions alone.
        tag_embeds: embeddings of the vocabulary; made with the profile's template when None.
        distilled: a frozen tagger's scores of the pairs, for the distillation.
        encode: for a source of pixels.
        held_out: pairs that are never trained on; their losses are computed at every validation.
        facts: what else must be the same in a resumed run, e.g. the data files; JSON values.
    """

    pairs: FeaturePairs | BatchSource[Any]
    vocabulary: TagVocabulary | None = None
    tag_embeds: Tensor | None = None
    distilled: Distilled | None = None
    encode: EncodeBatch | None = None
    held_out: FeaturePairs | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def teacher(self) -> TeacherScores | None:
        """The scores that go with the batches."""
        return None if self.distilled is None else self.distilled.teacher

    def source(self, plan: TrainPlan, processes: Processes) -> BatchSource[Any]:
        """The batches of one process; a source that is given knows its process already."""
        if not isinstance(self.pairs, FeaturePairs):
            return self.pairs
        return ShuffledPairs(
            pairs=self.pairs,
            batch_size=processes.own_share(plan.batch_size),
            seed=plan.seed,
            rank=processes.rank,
            world=processes.size,
        )

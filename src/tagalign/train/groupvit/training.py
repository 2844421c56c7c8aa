"""Train a GroupViT vision tower against a frozen text tower, with captions alone or with tags: TagAlign's Table 7.

Grouping draws Gumbel noise, so the global random state is part of a run (checkpoints keep it).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.groupvit.encoder import GroupViT
from tagalign.backbones.protocols import Weights
from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.methods.labels import embed_names
from tagalign.ops.compiling import compiled
from tagalign.ops.precision import resolve_precision
from tagalign.train.groupvit.consistency import ConsistencyPlan, MaskConsistency
from tagalign.train.groupvit.tower import GroupTower
from tagalign.train.groupvit.trainee import GroupTrainee
from tagalign.train.loop.plan import Hooks, TrainPlan, as_listed
from tagalign.train.loop.randomness import seed_everything
from tagalign.train.loop.run import TrainingRun
from tagalign.train.loop.schedule import scheduled_rate
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.plan import BOTH_LOSSES, TrainingPairs
from tagalign.train.tagalign.profiles import train_profile
from tagalign.train.tagalign.setup import counted_vocabulary_hash, loss_terms


@dataclass(frozen=True, kw_only=True)
class GroupVitPlan(TrainPlan):
    """Numbers of a run of GroupViT.

    Attributes:
        losses: weight of ``tag``, ``contrastive`` and ``distillation``.
        learning_rate: top of a cosine schedule.
        warmup: steps.
        consistency: of masks across images that share an object; None leaves it out.
    """

    losses: Mapping[str, float] = field(default_factory=lambda: dict(BOTH_LOSSES))
    learning_rate: float = 1e-3
    warmup: int = 20
    consistency: ConsistencyPlan | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        # masks of all images are compared in one pass of the tower itself
        if self.consistency is not None and (self.micro_batch is not None or self.compile_network):
            raise InputError(
                "mask consistency needs the whole batch in one pass that is not compiled; leave out the micro batch and "
                "the compilation, or the consistency"
            )

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        return scheduled_rate(
            self.learning_rate, step, steps=self.steps, schedule="cosine", warmup=self.warmup
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedGroupViT:
    """What a run ends with.

    Attributes:
        encoder: the tower so far, as a ``Backbone``.
        numbers: the last logged ones.
        steps: done.
        is_finished: False where a stop was asked for before the last step.
    """

    encoder: GroupViT
    numbers: Mapping[str, float]
    steps: int
    is_finished: bool


def train_groupvit(
    backbone: Encoder,
    data: TrainingPairs,
    tower: GroupTower,
    plan: GroupVitPlan,
    *,
    out_dir: str | Path | None = None,
    hooks: Hooks[Any] = Hooks(),  # noqa: B008 - frozen
    processes: Processes | None = None,
) -> TrainedGroupViT:
    """Train a tower; the text tower and its embeddings stay as they are.

    Args:
        backbone: a frozen CLIP, for its text tower, tokenizer and preprocessing.
        data: from ``pixel_pairs``, or a stream of pixels with ``PixelFeatures``; its vocabulary is None for captions alone.
        tower: what is trained, in place.
        plan: its seed is of the noise in the groups and of the order of the pairs.
        out_dir: for checkpoints and ``metrics.jsonl``; those of the same run are continued. None keeps nothing.
        hooks: progress, and a request to stop.
        processes: that share the run; one when None.

    Raises:
        InputError: for checkpoints of another run in ``out_dir``.
        TrainingFault: if the loss is not finite or explodes.
    """
    processes = processes or Processes(device=backbone.device)
    # an image of a process that has no other beside it would have no negative
    processes.own_share(plan.batch_size, least=2)
    seed_everything(plan.seed)  # before the first step draws the noise of the groups
    trainee = new_trainee(backbone, data, tower, plan, processes)
    run = TrainingRun(
        trainee, plan, folder=None if out_dir is None else Path(out_dir), processes=processes, hooks=hooks
    )
    run.resume()
    finished = run.run()
    return TrainedGroupViT(
        encoder=_as_encoder(backbone, tower), numbers=dict(run.shown), steps=run.step, is_finished=finished
    )


def new_trainee(
    backbone: Encoder, data: TrainingPairs, tower: GroupTower, plan: GroupVitPlan, processes: Processes
) -> GroupTrainee:
    """A tower with its loss terms as what the loop trains."""
    switches = train_profile("paper")
    terms = loss_terms(backbone, switches, plan.losses, vocabulary=data.vocabulary, distilled=data.distilled)
    aligner = Aligner(tower, terms).to(processes.device)
    return GroupTrainee(
        aligner=aligner,
        consistency=_consistency(backbone, tower, data, plan),
        source=data.source(plan, processes),
        switches=switches,
        rates=plan.rate,
        processes=processes,
        precision=resolve_precision(plan.precision, processes.device),
        micro_batch=plan.micro_batch,
        encode=data.encode,
        embed=compiled(aligner.embed, processes.device) if plan.compile_network else None,
        teacher=data.teacher,
        facts={**_facts(backbone, tower, data, plan), **data.facts},
    )


def _consistency(
    backbone: Encoder, tower: GroupTower, data: TrainingPairs, plan: GroupVitPlan
) -> MaskConsistency | None:
    if plan.consistency is None:
        return None
    vocabulary = data.vocabulary
    ids = [] if vocabulary is None else [i for i, kind in enumerate(vocabulary.kinds) if kind == "object"]
    if vocabulary is None or not ids:
        raise InputError("masks are compared across images that share an object; give tags and a vocabulary")
    entities = embed_names(backbone, [vocabulary.names[i] for i in ids], [train_profile("paper").template])
    return MaskConsistency(tower, plan.consistency, entities, ids)


def _facts(backbone: Encoder, tower: GroupTower, data: TrainingPairs, plan: GroupVitPlan) -> dict[str, Any]:
    """What shapes the weights of a run, as JSON values; a resumed run must agree in all of them."""
    vocabulary = data.vocabulary
    return {
        **plan.deciding(),
        "backbone": backbone.name,
        "backbone_hash": backbone.weight_hash,
        "vocabulary": None if vocabulary is None else counted_vocabulary_hash(vocabulary),
        "vision_config": as_listed(tower.sizes),
        **({} if data.distilled is None else data.distilled.facts()),
    }


def _as_encoder(backbone: Encoder, tower: GroupTower) -> GroupViT:
    return GroupViT(
        backbone.text,
        backbone.preprocessing,
        vision=tower.vision,
        projection=tower.head,
        weights=Weights(name=f"GroupViT beside {backbone.name}"),
    )

"""``tagalign train --dry-run``: a few steps of a projector, from pixels or from features as they would be cached."""

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from tagalign.cli.verbs.train.dry_run import Encoding, dry_run
from tagalign.cli.verbs.train.tagalign.pairs import open_pairs, pixel_plan
from tagalign.cli.verbs.train.tagalign.plan import make_plan
from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.processes import Processes
    from tagalign.data.tag_table import TagTable
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.loop.plan import TrainPlan
    from tagalign.train.tagalign.plan import TrainingPairs
    from tagalign.train.tagalign.trainee import AlignerTrainee


def rehearse_run(
    settings: TrainSettings,
    backbone: "BlockBackbone",
    refs: "list[ShardRef]",
    vocabulary: "TagVocabulary | None",
    tags: "TagTable | None",
    processes: "Processes",
) -> int:
    """Print what the run will cost; a feature cache is neither read nor filled."""
    import torch

    from tagalign.train.loop.rehearsal import TRIAL_STEPS, trial_sizes
    from tagalign.train.tagalign.training import new_trainee

    # of the right shape: the text tower embeds a vocabulary once, and a step cannot tell what its rows mean
    embeds = None if vocabulary is None else torch.randn(len(vocabulary), backbone.embed_dim)
    distilled = settings.open_teacher(refs, settings.vocabulary)
    shared: dict[str, Any] = {"vocabulary": vocabulary, "tag_embeds": embeds, "distilled": distilled}
    kept, encoding = None, None
    if settings.cache_features is not None:
        count = max(trial_sizes(settings.batch_size, processes))
        kept, encoding = _encoded(settings, backbone, refs, tags, processes, count)

    def make(batch_size: int) -> "tuple[AlignerTrainee, TrainPlan]":
        small = dataclasses.replace(
            settings,
            batch_size=batch_size,
            steps=max(settings.steps, TRIAL_STEPS + 1),
            held_out=(),
            cache_features=None,
        )
        data = kept or open_pairs(small, backbone, refs, tags, processes=processes)
        plan = make_plan(small)
        return new_trainee(backbone, dataclasses.replace(data, **shared), plan, processes), plan

    return dry_run(
        make,
        processes,
        steps=settings.steps,
        batch_size=settings.batch_size,
        images=None if tags is None else len(tags),
        encoding=encoding,
    )


def _encoded(
    settings: TrainSettings,
    backbone: "BlockBackbone",
    refs: "list[ShardRef]",
    tags: "TagTable | None",
    processes: "Processes",
    count: int,
) -> "tuple[TrainingPairs, Encoding]":
    """A few pairs as features in memory, and how fast they became that."""
    from tagalign.data.cached_pairs import first_pairs
    from tagalign.train.tagalign.plan import TrainingPairs

    plan = pixel_plan(settings, processes)
    first_pairs(backbone, refs, tags, plan, count=1)  # warms up
    start = time.perf_counter()
    pairs = first_pairs(backbone, refs, tags, plan, count=count)
    per_s = len(pairs) / (time.perf_counter() - start)
    images = None if tags is None else len(tags)
    return TrainingPairs(pairs=pairs), Encoding(images=images, per_s=per_s)

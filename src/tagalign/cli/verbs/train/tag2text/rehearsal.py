"""``tagalign train --method tag2text --dry-run``: a few steps of all tasks, from photos or from tokens it would keep."""

import dataclasses
import time
from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.dry_run import Encoding, dry_run
from tagalign.cli.verbs.train.tag2text.plan import make_plan, make_tasks
from tagalign.cli.verbs.train.tag2text.records import keeps_tokens, split_data
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings

if TYPE_CHECKING:
    from tagalign.data.processes import Processes
    from tagalign.data.tag2text.batches import PhotoData, TokenData
    from tagalign.data.tag2text.records import TaggedRecords
    from tagalign.data.tag2text.shards import TaggedShards
    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.train.loop.plan import TrainPlan
    from tagalign.train.tag2text.trainee import Tag2TextTrainee


def rehearse_run(
    settings: Tag2TextTrainSettings,
    method: "Tag2TextMethod",
    records: "TaggedRecords | TaggedShards",
    processes: "Processes",
) -> int:
    """Print what the run will cost; tokens that it would keep are made for a few photos alone, in memory."""
    from tagalign.data.tag2text.batches import PhotoData
    from tagalign.train.loop.rehearsal import TRIAL_STEPS, trial_sizes
    from tagalign.train.tag2text.trainee import Tag2TextTrainee

    bare = dataclasses.replace(settings, keep_features=False, keep_in=None)
    data, _ = split_data(bare, records, method)
    images, encoding = None, None
    if isinstance(data, PhotoData):
        images = len(data.records)
        if keeps_tokens(settings, method, images):
            count = min(max(trial_sizes(settings.batch_size, processes)), images)
            data, encoding = _encoded(data, method, count, images)

    def make(batch_size: int) -> "tuple[Tag2TextTrainee, TrainPlan]":
        plan = make_plan(
            dataclasses.replace(settings, batch_size=batch_size, steps=max(settings.steps, TRIAL_STEPS + 1))
        )
        tasks = make_tasks(settings, method)
        return Tag2TextTrainee(method, data, plan, tasks, processes=processes), plan

    return dry_run(
        make,
        processes,
        steps=settings.steps,
        batch_size=settings.batch_size,
        images=images,
        encoding=encoding,
    )


def _encoded(
    photos: "PhotoData", method: "Tag2TextMethod", count: int, images: int
) -> "tuple[TokenData, Encoding]":
    """The first photos as tokens in memory, and how fast they became that."""
    import numpy as np

    from tagalign.data.tag2text.records import PickedRecords
    from tagalign.train.tag2text.start import encode_once

    first = dataclasses.replace(
        photos,
        records=PickedRecords(photos.records, np.arange(count)),
        questions=photos.questions[:count],
        crop=1.0,
    )
    start = time.perf_counter()
    tokens = encode_once(first, method, batch_size=count)
    return tokens, Encoding(images=images, per_s=count / (time.perf_counter() - start))

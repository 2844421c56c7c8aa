"""``tagalign train --method trusty --dry-run``: a few steps of prompts and head."""

import dataclasses
from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.dry_run import dry_run
from tagalign.cli.verbs.train.encoder import open_encoder
from tagalign.cli.verbs.train.trusty.masks import mask_data
from tagalign.cli.verbs.train.trusty.plan import make_plan
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings

if TYPE_CHECKING:
    from tagalign.data.benchmarks.records import SegmentationSet
    from tagalign.data.processes import Processes
    from tagalign.train.loop.plan import TrainPlan
    from tagalign.train.trusty.trainee import TrustyTrainee


def rehearse_run(settings: TrainTrustySettings, data: "SegmentationSet", processes: "Processes") -> int:
    """Print what the run will cost; of a transductive one its first half is timed."""
    from tagalign.methods.trusty.canvas import default_crop
    from tagalign.train.loop.rehearsal import TRIAL_STEPS
    from tagalign.train.trusty.trainee import TrustyTrainee, new_network

    backbone = open_encoder(settings, processes)
    masks, crop = mask_data(settings, data), default_crop(backbone)
    whole = make_plan(settings, default_crop=crop)

    def make(batch_size: int) -> "tuple[TrustyTrainee, TrainPlan]":
        plan = dataclasses.replace(whole, batch_size=batch_size, steps=max(whole.steps, TRIAL_STEPS + 1))
        network = new_network(backbone, plan)
        return TrustyTrainee(backbone, network, masks, plan, processes=processes), plan

    return dry_run(make, processes, steps=whole.steps, batch_size=whole.batch_size, images=len(masks.source))

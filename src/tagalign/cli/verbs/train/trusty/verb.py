"""``tagalign train --method trusty``: open-vocabulary segmentation from images with masks of some classes."""

import sys
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.run_record import run_record
from tagalign.cli.verbs.train.encoder import open_encoder
from tagalign.cli.verbs.train.trusty.masks import mask_data, open_masks
from tagalign.cli.verbs.train.trusty.plan import make_plan
from tagalign.cli.verbs.train.trusty.rehearsal import rehearse_run
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings

if TYPE_CHECKING:
    from tagalign.data.benchmarks.records import SegmentationSet
    from tagalign.data.processes import Processes
    from tagalign.methods.trusty.method import TrustyClip
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.trusty.plan import TrustyPlan


def run(settings: TrainTrustySettings) -> int:
    """Train; exit 0 when done, 128 + signal when a signal asked for a stop and a checkpoint was saved."""
    data = open_masks(settings)
    settings.refuse_missing_model()
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    world = join_world(pick_device(settings.device), is_spread=settings.fsdp)
    with world as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        if settings.dry_run:
            return rehearse_run(settings, data, processes)
        plan, model = _train(settings, data, processes=processes, stop=stop)
        return _report(settings, plan, model, stop) if processes.is_first else 0


def _train(
    settings: TrainTrustySettings, data: "SegmentationSet", *, processes: "Processes", stop: "StopRequest"
) -> "tuple[TrustyPlan, TrustyClip]":
    from tagalign.methods.trusty.canvas import default_crop
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.trusty.training import train_trusty

    backbone = open_encoder(settings, processes)
    plan = make_plan(settings, default_crop=default_crop(backbone))
    with StepBar("training", plan.steps) as bar:
        model = train_trusty(
            backbone,
            mask_data(settings, data),
            plan,
            out_dir=settings.out,
            hooks=Hooks(progress=bar.step, stop=stop),
            processes=processes,
            settings=run_record(settings),
        )
    return plan, model


def _report(
    settings: TrainTrustySettings, plan: "TrustyPlan", model: "TrustyClip", stop: "StopRequest"
) -> int:
    if stop:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 128 + stop.signal_number
    classes = f"{len(model.trained)} {'class' if len(model.trained) == 1 else 'classes'}"
    target = f", trusty target {plan.trusty_target}" if plan.has_token else ""
    print(
        f"{settings.out} written after {counted(plan.steps, 'step')} ({plan.setting}{target}, {classes} with masks)",
        file=sys.stderr,
    )
    example = ",".join(model.trained[:2])
    print(
        f'try it: tagalign segment PHOTO --labels "{example},something new" --model {settings.out}',
        file=sys.stderr,
    )
    return 0

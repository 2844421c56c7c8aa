"""``tagalign train --method tag2text``: tagging, captions, alignment and answers, from images with captions and tags."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.verbs.train.stopped import stopped
from tagalign.cli.verbs.train.tag2text.network import open_method
from tagalign.cli.verbs.train.tag2text.plan import make_plan, make_tasks
from tagalign.cli.verbs.train.tag2text.records import open_records, split_data
from tagalign.cli.verbs.train.tag2text.rehearsal import rehearse_run
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings
from tagalign.cli.verbs.train.tag2text.writing import write_model

if TYPE_CHECKING:
    from tagalign.data.processes import Processes
    from tagalign.data.tag2text.batches import Tag2TextData
    from tagalign.data.tag2text.stream import RecordStream
    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.tag2text.training import TrainedTag2Text


def run(settings: Tag2TextTrainSettings) -> int:
    """Train; exit 0 when done, 128 + signal when a signal asked for a stop and a checkpoint was saved."""
    if not settings.dry_run:
        return _run(settings, settings.out)
    with TemporaryDirectory() as place:  # a dry run leaves no copy of the records behind
        return _run(settings, Path(place))


def _run(settings: Tag2TextTrainSettings, kept: Path) -> int:
    settings.refuse_missing_model()
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    with join_world(pick_device(settings.device)) as processes:
        if processes.is_first:
            warn_tiny(settings.model)
        method, sizes = open_method(settings, processes.device, kept=kept)
        records = open_records(settings, len(method.tags), kept=kept)
        if settings.dry_run:
            return rehearse_run(settings, method, records, processes)
        train, held_out = split_data(settings, records, method)
        with stop_on_signals() as stop:
            trained = _train(settings, method, train, held_out, processes=processes, stop=stop)
        if not trained.is_finished:
            return stopped(trained.steps, settings.steps, stop) if processes.is_first else 0
        if processes.is_first:
            write_model(settings, method, sizes, trained, held_out)
        return 0


def _train(
    settings: Tag2TextTrainSettings,
    method: "Tag2TextMethod",
    data: "Tag2TextData | RecordStream",
    held_out: "Tag2TextData | None",
    *,
    processes: "Processes",
    stop: "StopRequest",
) -> "TrainedTag2Text":
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.tag2text.training import train_tag2text

    with StepBar("training", settings.steps) as bar:
        return train_tag2text(
            method,
            data,
            make_plan(settings),
            tasks=make_tasks(settings, method),
            # a look at the end alone could choose nothing, and would cost a pass
            held_out=held_out if settings.validate_every else None,
            out_dir=settings.out,
            hooks=Hooks(progress=bar.step, stop=stop),
            processes=processes,
        )

"""``tagalign train``: a projector for a frozen CLIP, from image-caption pairs and the tags of their captions."""

import dataclasses
import sys
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.run_record import run_record
from tagalign.cli.verbs.train.encoder import open_encoder
from tagalign.cli.verbs.train.stopped import stopped
from tagalign.cli.verbs.train.tagalign.pairs import open_pairs, open_tags
from tagalign.cli.verbs.train.tagalign.plan import make_plan, watched
from tagalign.cli.verbs.train.tagalign.rehearsal import rehearse_run
from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

if TYPE_CHECKING:
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.processes import Processes
    from tagalign.data.tag_table import TagTable
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.tagalign.result import TrainedProjector


def run(settings: TrainSettings) -> int:
    """Train; exit 0 when done, 128 + signal (143, 130) when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.data.pairs import find_shards

    refs = find_shards(settings.pairs)
    vocabulary, tags = open_tags(settings)
    settings.refuse_missing_model()
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    world = join_world(pick_device(settings.device), is_spread=settings.fsdp)
    with world as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        if settings.dry_run:
            backbone = open_encoder(settings, processes)
            return rehearse_run(settings, backbone, refs, vocabulary, tags, processes)
        trained = _train(settings, refs, vocabulary, tags, processes=processes, stop=stop)
        return _report(settings, trained, stop) if processes.is_first else 0


def _train(
    settings: TrainSettings,
    refs: "list[ShardRef]",
    vocabulary: "TagVocabulary | None",
    tags: "TagTable | None",
    *,
    processes: "Processes",
    stop: "StopRequest",
) -> "TrainedProjector":
    from tagalign.cli.verbs.train.tagalign.validation import make_validation
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.tagalign.training import train_tagalign

    backbone = open_encoder(settings, processes)
    distilled = settings.open_teacher(refs, settings.vocabulary)  # refused before anything is encoded
    data = open_pairs(settings, backbone, refs, tags, processes=processes)
    # who does not measure need not open what is measured on
    looked_at = watched(settings, writes=processes.is_first)
    validate = make_validation(looked_at, backbone) if processes.looks else None
    with StepBar("training", settings.steps) as bar:
        return train_tagalign(
            backbone,
            dataclasses.replace(data, vocabulary=vocabulary, distilled=distilled),
            make_plan(settings),
            out_dir=settings.out,
            hooks=Hooks(validate=validate, progress=bar.step, stop=stop),
            processes=processes,
            settings=run_record(settings),
        )


def _report(settings: TrainSettings, trained: "TrainedProjector", stop: "StopRequest") -> int:
    if not trained.is_finished:
        return stopped(trained.steps, settings.steps, stop)
    numbers = ", ".join(
        f"{name} {value:.4g}" for name, value in trained.numbers.items() if "scale" not in name
    )
    print(f"{settings.out} written after {counted(trained.steps, 'step')} ({numbers})", file=sys.stderr)
    print(f'try it: tagalign segment PHOTO --labels "dog,grass" --model {settings.out}', file=sys.stderr)
    return 0

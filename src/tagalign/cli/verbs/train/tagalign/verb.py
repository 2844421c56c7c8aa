"""``tagalign train``: a projector for a frozen CLIP, from image-caption pairs and the tags of their captions."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.run_record import run_record
from tagalign.cli.verbs.train.tagalign.pairs import open_pairs, open_tags
from tagalign.cli.verbs.train.tagalign.plan import make_plan, watched
from tagalign.cli.verbs.train.tagalign.rehearsal import rehearse_run
from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.processes import Processes
    from tagalign.data.tag_table import TagTable
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.tagalign.result import TrainedProjector


def run(settings: TrainSettings) -> int:
    """Train; exit 0 when done, 128 + signal (143, 130) when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.data.pairs import find_shards
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    refs = find_shards(settings.pairs)
    vocabulary, tags = open_tags(settings)
    with join_world(pick_device(settings.device)) as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        if settings.dry_run:
            return rehearse_run(settings, _backbone(settings, processes), refs, vocabulary, tags, processes)
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

    backbone = _backbone(settings, processes)
    distilled = settings.open_teacher(refs, settings.vocabulary)  # refused before anything is encoded
    data = open_pairs(settings, backbone, refs, tags, processes=processes)
    # only the first process measures, so only it opens what is measured on
    validate = make_validation(watched(settings), backbone) if processes.is_first else None
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


def _backbone(settings: TrainSettings, processes: "Processes") -> "BlockBackbone":
    from tagalign.backbones.load import load_backbone

    # a folder by its full name: the model must find it from anywhere
    name = str(Path(settings.model).resolve()) if Path(settings.model).is_dir() else settings.model
    return load_backbone(name, device=processes.device)


def _report(settings: TrainSettings, trained: "TrainedProjector", stop: "StopRequest") -> int:
    if not trained.is_finished:
        print(
            f"stopped after step {trained.steps} of {settings.steps}; the same command goes on from there",
            file=sys.stderr,
        )
        return 128 + stop.signal_number
    numbers = ", ".join(
        f"{name} {value:.4g}" for name, value in trained.numbers.items() if "scale" not in name
    )
    print(f"{settings.out} written after {counted(trained.steps, 'step')} ({numbers})", file=sys.stderr)
    print(f'try it: tagalign segment PHOTO --labels "dog,grass" --model {settings.out}', file=sys.stderr)
    return 0

"""``tagalign train --method groupvit``: a vision tower whose patches gather in groups, from image-caption pairs."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.run_record import write_settings
from tagalign.cli.verbs.train.dry_run import dry_run
from tagalign.cli.verbs.train.encoder import open_encoder
from tagalign.cli.verbs.train.groupvit.settings import TrainGroupVitSettings
from tagalign.cli.verbs.train.stopped import stopped
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.backbones.encoder import Encoder
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.processes import Processes
    from tagalign.train.groupvit.consistency import ConsistencyPlan
    from tagalign.train.groupvit.tower import GroupTower
    from tagalign.train.groupvit.training import GroupVitPlan, TrainedGroupViT
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.loop.plan import TrainPlan
    from tagalign.train.loop.trainee import Trainee
    from tagalign.train.tagalign.plan import TrainingPairs


def run(settings: TrainGroupVitSettings) -> int:
    """Train; exit 0 when done, 128 + signal when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.data.pairs import find_shards

    refs = find_shards(settings.pairs)
    settings.refuse_missing_model()
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    world = join_world(pick_device(settings.device), is_spread=settings.fsdp)
    with world as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        backbone = _backbone(settings, processes)
        if settings.dry_run:
            return _rehearse(settings, backbone, refs, processes)
        trained = _train(settings, backbone, refs, processes=processes, stop=stop)
        return _finish(settings, trained, backbone, stop) if processes.is_first else 0


def _backbone(settings: TrainGroupVitSettings, processes: "Processes") -> "Encoder":
    from tagalign.backbones.encoder import Encoder

    backbone = open_encoder(settings, processes)
    if not isinstance(backbone, Encoder):
        raise InputError(f"--model {settings.model}: GroupViT is trained against the text tower of a CLIP")
    return backbone


def _train(
    settings: TrainGroupVitSettings,
    backbone: "Encoder",
    refs: "list[ShardRef]",
    *,
    processes: "Processes",
    stop: "StopRequest",
) -> "TrainedGroupViT":
    from tagalign.train.groupvit.training import train_groupvit
    from tagalign.train.loop.plan import Hooks

    with StepBar("training", settings.steps) as bar:
        return train_groupvit(
            backbone,
            _data(settings, backbone, refs, processes),
            _tower(settings, backbone),
            _plan(settings),
            out_dir=settings.out,
            hooks=Hooks(progress=bar.step, stop=stop),
            processes=processes,
        )


def _rehearse(
    settings: TrainGroupVitSettings, backbone: "Encoder", refs: "list[ShardRef]", processes: "Processes"
) -> int:
    from tagalign.train.groupvit.training import new_trainee
    from tagalign.train.loop.rehearsal import TRIAL_STEPS

    def make(batch_size: int) -> "tuple[Trainee[Any], TrainPlan]":
        small = dataclasses.replace(
            settings, batch_size=batch_size, steps=max(settings.steps, TRIAL_STEPS + 1)
        )
        data, plan = _data(small, backbone, refs, processes), _plan(small)
        return new_trainee(backbone, data, _tower(small, backbone), plan, processes), plan

    return dry_run(make, processes, steps=settings.steps, batch_size=settings.batch_size)


def _tower(settings: TrainGroupVitSettings, backbone: "Encoder") -> "GroupTower":
    import torch

    from tagalign.train.groupvit.tower import GroupTower

    side = settings.size or backbone.preprocessing.image_size
    if side % settings.patch:
        raise InputError(f"--size must be a multiple of --patch, got {side} and {settings.patch}")
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)  # the same tower, whatever was drawn before
        return GroupTower(
            image_size=side,
            patch_size=settings.patch,
            dim=backbone.embed_dim,
            width=settings.width,
            depths=settings.depths,
            groups=settings.groups,
            heads=settings.heads,
        )


def _plan(settings: TrainGroupVitSettings) -> "GroupVitPlan":
    from tagalign.train.groupvit.training import GroupVitPlan

    return GroupVitPlan(
        steps=settings.steps,
        batch_size=settings.batch_size,
        losses={
            "tag": settings.tag_loss_weight if settings.tags is not None else 0.0,
            "contrastive": settings.contrastive_weight,
        }
        | settings.teacher_losses(),
        consistency=_consistency(settings),
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        seed=settings.seed,
        precision=settings.precision,
        **settings.plan_numbers(),
    )


def _consistency(settings: TrainGroupVitSettings) -> "ConsistencyPlan | None":
    from tagalign.train.groupvit.consistency import ConsistencyPlan

    if not settings.consistency_weight:
        return None
    return ConsistencyPlan(weight=settings.consistency_weight, momentum=settings.consistency_momentum)


def _data(
    settings: TrainGroupVitSettings, backbone: "Encoder", refs: "list[ShardRef]", processes: "Processes"
) -> "TrainingPairs":
    """A stream of pixels; they go into the tower as they are, so nothing of the frozen image encoder is used."""
    from tagalign.data.pixel_pairs import PixelPlan, pixel_source, stream_facts
    from tagalign.data.tag_table import load_tag_table
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.groupvit.tower import PixelFeatures
    from tagalign.train.tagalign.plan import TrainingPairs

    vocabulary = None if settings.vocabulary is None else TagVocabulary.load(settings.vocabulary)
    tags = None
    if settings.tags is not None and vocabulary is not None:
        tags = load_tag_table(settings.tags, vocabulary, kinds=settings.kinds)
    with_texts = settings.contrastive_weight > 0
    pixels = PixelPlan(
        size=settings.size,
        mode="clip",
        chunk=settings.chunk,
        workers=settings.loaders,
        streams=settings.streams,
        augmentation=settings.augmentation,
    )
    stream, _ = pixel_source(
        backbone,
        refs,
        tags,
        pixels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        world=processes,
        with_texts=with_texts,
    )
    return TrainingPairs(
        pairs=stream,
        vocabulary=vocabulary,
        distilled=settings.open_teacher(refs, settings.vocabulary),
        # the encoder's own statistics: inference with the folder has no profile to ask
        encode=PixelFeatures(backbone, mode="clip", with_texts=with_texts),
        facts=stream_facts(stream.plan, refs),
    )


def _finish(
    settings: TrainGroupVitSettings, trained: "TrainedGroupViT", backbone: "Encoder", stop: "StopRequest"
) -> int:
    if not trained.is_finished:
        return stopped(trained.steps, settings.steps, stop)
    from tagalign.train.groupvit.folder import save_groupvit

    write_settings(settings.out, settings, numbers=trained.numbers)
    save_groupvit(settings.out, trained.encoder, backbone)
    loss = f" (loss {trained.numbers['loss']:.4g})" if "loss" in trained.numbers else ""
    print(f"{settings.out} written after {counted(trained.steps, 'step')}{loss}", file=sys.stderr)
    print(
        f'try it: tagalign segment PHOTO --labels "dog,grass" --model {settings.out} --method groupvit',
        file=sys.stderr,
    )
    return 0

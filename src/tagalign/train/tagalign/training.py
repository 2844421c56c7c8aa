"""Train a TagAlign projector: one call from frozen features (or a stream of photos) to a model folder.

pairs = FeaturePairs(store=encode_images(backbone, images), images=np.arange(n), texts=..., labels=...)
trained = train_tagalign(backbone, pairs, vocabulary=vocabulary, steps=300, batch_size=128, out_dir="model")
method = trained.method(backbone)        # or tagalign.load("model")
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.backbones.protocols import Backbone, BlockBackbone
from tagalign.data.batches import BatchSource
from tagalign.data.feature_pairs import FeaturePairs, ShuffledPairs
from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.tagalign.folder import MODE, TagAlignConfig, save_tagalign
from tagalign.methods.tagalign.projector import NUM_BLOCKS, Projector
from tagalign.ops.precision import resolve_precision
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.distributed import copy_from_first
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.optimiser import rate_for_batch
from tagalign.train.loop.run import Encode, Progress, RunPlan, TrainingRun
from tagalign.train.loop.schedule import scheduled_rate
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.held_out import held_out_losses
from tagalign.train.tagalign.model_card import model_card
from tagalign.train.tagalign.profiles import train_profile
from tagalign.train.tagalign.setup import BOTH_LOSSES, loss_terms, make_optimizer, run_facts, seeded_aligner


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedProjector:
    """What a run made.

    Attributes:
        projector: in evaluation mode, on the device of the run.
        config: of its model folder.
        numbers: the last logged ones (losses, temperatures, images per second).
        steps: optimiser steps done.
        is_finished: False when a stop was requested before the last step.
        settings: everything that shaped the run, ready for JSON.
    """

    projector: Projector
    config: TagAlignConfig
    numbers: Mapping[str, float]
    steps: int
    is_finished: bool
    settings: Mapping[str, Any]

    def method(self, backbone: Backbone, **options: Any) -> DenseMethod:
        """Ready for inference, without a folder; options as of ``DenseMethod``, ``profile`` by name."""
        profile = dense_profile(options.pop("profile", None) or self.config.profile)
        return DenseMethod(
            backbone,
            method="tagalign",
            mode=self.config.mode,
            profile=profile,
            projector=self.projector,
            logit_scale=self.config.logit_scale,
            **options,
        )


def train_tagalign(
    backbone: BlockBackbone,
    data: FeaturePairs | BatchSource[Any],
    *,
    vocabulary: TagVocabulary | None,
    steps: int,
    batch_size: int,
    out_dir: str | Path | None = None,
    losses: Mapping[str, float] | None = None,
    loss: str | None = None,
    profile: str = "paper",
    mode: str = MODE,
    num_blocks: int = NUM_BLOCKS,
    split_kinds: bool = False,
    tag_embeds: Tensor | None = None,
    learning_rate: float | None = None,
    schedule: str = "constant",
    warmup: int = 0,
    seed: int = 0,
    precision: str = "fp32",
    micro_batch: int | None = None,
    compile_projector: bool = False,
    encode: Encode | None = None,
    checkpoint_every: int = 500,
    keep: int = 2,
    held_out: FeaturePairs | None = None,
    validate: Callable[[TrainedProjector], Mapping[str, float]] | None = None,
    validate_every: int = 0,
    best: str = "-held_out_loss",
    log_every: int = 10,
    tensorboard: bool = False,
    settings: Mapping[str, Any] | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    world: Processes | None = None,
    stop: StopRequest | None = None,
    progress: Progress | None = None,
) -> TrainedProjector:
    """Train a projector on a frozen CLIP; an ``out_dir`` with checkpoints of the same run is continued.

    Args:
        backbone: the frozen encoder; its text tower embeds the tags once.
        data: frozen features, or a source of pixel batches together with ``encode``.
        vocabulary: the tags that the labels of ``data`` count in; None trains on captions alone.
        steps: optimiser steps.
        batch_size: images per step, over all processes.
        out_dir: gets the model folder (``docs/formats.md``), ``metrics.jsonl``, ``checkpoints/`` and, with a validation,
            ``best/``; None keeps everything in memory.
        losses: weight of ``tag`` and of ``contrastive``; both 1 when None. A weight of 0 leaves that loss out.
        loss: tag loss (``balanced``, ``softmax``, ``weighted``, ``focal``, ``asymmetric``); the profile's when None.
        profile: ``paper``, ``released`` or ``fixed``, see ``profiles``.
        mode: dense mode of the features.
        num_blocks: gated convolutions of the projector; 0 trains CLIP's own head alone.
        split_kinds: one softmax per kind of tag instead of one over the whole list.
        tag_embeds: embeddings of the vocabulary; made with the profile's template when None.
        learning_rate: the profile's when None; constant unless ``schedule`` and ``warmup`` say otherwise.
        schedule: see ``scheduled_rate``.
        warmup: steps.
        seed: of the initial projector and of the order of the pairs.
        precision: ``fp32``, ``bf16`` or ``auto``, see ``resolve_precision``.
        micro_batch: images the projector sees at a time; the gradient is that of the whole batch.
        compile_projector: run it through ``torch.compile``.
        encode: turns pixel batches into feature batches, see ``FrozenEncoder``.
        checkpoint_every: steps between checkpoints.
        keep: checkpoints that stay.
        held_out: pairs whose losses are computed at every validation.
        validate: numbers (e.g. mIoU) of the projector so far.
        validate_every: steps between validations; 0 validates at the end alone.
        best: the number that decides ``best/``; a leading ``-`` means lower is better.
        log_every: steps between lines of ``metrics.jsonl``.
        tensorboard: write TensorBoard files too.
        settings: of the caller, stored beside ours.
        fingerprint: what else must be the same in a resumed run, e.g. the data files.
        world: the processes; one when None.
        stop: save and end as soon as it is true.
        progress: called with steps done, steps in all, last numbers.

    Raises:
        InputError: for settings that do not fit together or to the checkpoints of ``out_dir``.
        TrainingFault: if the loss is not finite or explodes.
    """
    chosen = train_profile(profile)
    chosen = replace(chosen, loss=loss or chosen.loss, learning_rate=learning_rate or chosen.learning_rate)
    world = world or Processes(device=backbone.device)
    if batch_size % world.size or batch_size < 2 * world.size:
        raise InputError(
            f"batch_size {batch_size} cannot be shared by {world.size} process(es); give a multiple, at least 2 for each"
        )
    precision = resolve_precision(precision, world.device)
    weights = dict(BOTH_LOSSES if losses is None else losses)
    terms = loss_terms(
        backbone, chosen, weights, vocabulary=vocabulary, split_kinds=split_kinds, tag_embeds=tag_embeds
    )
    aligner = seeded_aligner(backbone, terms, seed=seed, num_blocks=num_blocks).to(world.device)
    copy_from_first(aligner, world)
    projector = aligner.projector
    assert isinstance(projector, Projector)  # seeded_aligner made it
    rate = rate_for_batch(chosen.learning_rate, batch_size=batch_size, rate_batch=chosen.rate_batch)
    facts = run_facts(
        backbone,
        data,
        vocabulary,
        chosen,
        weights,
        batch_size=batch_size,
        learning_rate=rate,
        mode=mode,
        num_blocks=num_blocks,
        seed=seed,
        split_kinds=split_kinds,
    )
    shape = {"schedule": schedule, "warmup": warmup} | ({} if schedule == "constant" else {"steps": steps})
    plan = RunPlan(
        steps=steps,
        rate=lambda step: scheduled_rate(rate, step, steps=steps, schedule=schedule, warmup=warmup),
        clip_norm=chosen.clip_norm,
        precision=precision,
        micro_batch=micro_batch,
        checkpoint_every=checkpoint_every,
        validate_every=validate_every,
        log_every=log_every,
        best=best,
        fingerprint=facts | shape | {"precision": precision} | dict(fingerprint or {}),
    )
    folder = None if out_dir is None else Path(out_dir)

    def outcome(finished: bool) -> TrainedProjector:
        return TrainedProjector(
            projector=projector,
            config=_config(backbone, aligner, profile=profile, mode=mode, num_blocks=num_blocks),
            numbers=dict(run.shown),
            steps=run.step,
            is_finished=finished,
            settings=facts | shape | {"steps": steps, "precision": precision, "caller": dict(settings or {})},
        )

    def numbers(step: int) -> Mapping[str, float]:
        own = {} if held_out is None else held_out_losses(aligner, held_out, device=world.device)
        return own if validate is None else {**own, **validate(outcome(False))}

    run = TrainingRun(
        aligner,
        make_optimizer(aligner, chosen, rate),
        _source(data, batch_size, seed, world),
        plan,
        folder=folder,
        world=world,
        encode=encode,
        embed=torch.compile(aligner.embed) if compile_projector else None,
        validate=numbers if held_out is not None or validate is not None else None,
        progress=progress,
        stop=stop,
        keep=keep,
        tensorboard=tensorboard,
    )
    run.resume()
    finished = run.run()
    aligner.eval()
    trained = outcome(finished)
    if folder is not None and world.is_first and finished:
        _write(folder, trained, vocabulary)
    return trained


def _source(
    data: FeaturePairs | BatchSource[Any], batch_size: int, seed: int, world: Processes
) -> BatchSource[Any]:
    if not isinstance(data, FeaturePairs):
        return data
    own = batch_size // world.size
    return ShuffledPairs(pairs=data, batch_size=own, seed=seed, rank=world.rank, world=world.size)


def _config(
    backbone: Backbone, aligner: Aligner, *, profile: str, mode: str, num_blocks: int
) -> TagAlignConfig:
    return TagAlignConfig(
        backbone=backbone.name,
        backbone_hash=backbone.weight_hash,
        profile=profile,
        width=backbone.width,
        dim=backbone.embed_dim,
        mode=mode,
        num_blocks=num_blocks,
        logit_scale=aligner.inference_scale(),
    )


def _write(folder: Path, trained: TrainedProjector, vocabulary: TagVocabulary | None) -> None:
    """The model folder, and the best checkpoint as one of its own."""
    _write_folder(folder, trained, trained.projector, vocabulary)
    best = folder / "checkpoints" / "best.safetensors"
    if best.exists():
        state = read_state(best).state["aligner"]
        own = {k.removeprefix("projector."): v for k, v in state.items() if k.startswith("projector.")}
        config = trained.config
        projector = Projector(width=config.width, dim=config.dim, num_blocks=config.num_blocks)
        projector.load_state_dict(own)
        _write_folder(folder / "best", trained, projector, vocabulary)


def _write_folder(
    folder: Path, trained: TrainedProjector, projector: Projector, vocabulary: TagVocabulary | None
) -> None:
    if vocabulary is not None:
        vocabulary.save(folder / "vocabulary.tsv")
    card = model_card(trained.config, trained.settings, trained.numbers)
    save_tagalign(folder, projector, trained.config, settings=trained.settings, card=card)

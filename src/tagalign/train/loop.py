"""Train a TagAlign projector: one call from frozen features (or a stream of photos) to a model folder.

pairs = FeaturePairs(store=encode_images(backbone, images), images=np.arange(n), texts=..., labels=...)
trained = train_tagalign(backbone, pairs, vocabulary=vocabulary, steps=300, batch_size=128, out_dir="model")
method = trained.method(backbone)        # or tagalign.load("model")
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tagalign.backbones.dense_clip import DenseCLIP
from tagalign.data.batches import BatchSource
from tagalign.data.feature_pairs import FeaturePairs, ShuffledPairs
from tagalign.errors import InputError
from tagalign.methods.dense import DenseMethod
from tagalign.methods.dense_profiles import dense_profile
from tagalign.methods.labels import embed_names
from tagalign.methods.projector import Projector
from tagalign.methods.tagalign import MODE, TagAlignConfig, save_tagalign
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.aligner import Aligner, ContrastiveTerm, TagTerm
from tagalign.train.checkpoints import read_state
from tagalign.train.distributed import World, copy_from_first
from tagalign.train.guards import StopRequest
from tagalign.train.held_out import held_out_losses
from tagalign.train.model_card import model_card
from tagalign.train.optimiser import adamw, rate_for_batch
from tagalign.train.profiles import TrainProfile, train_profile
from tagalign.train.run import Encode, Progress, RunPlan, TrainingRun
from tagalign.train.schedule import scheduled_rate

BOTH_LOSSES = {"tag": 1.0, "contrastive": 1.0}  # equation 6 with lambda = 1


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

    def method(self, backbone: DenseCLIP, **options: Any) -> DenseMethod:
        """Ready for inference, without a folder; options as of ``DenseMethod``."""
        profile = options.pop("profile", None) or dense_profile(self.config.profile)
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
    backbone: DenseCLIP,
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
    world: World | None = None,
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
        split_kinds: one softmax per kind of tag instead of one over the whole list.
        tag_embeds: embeddings of the vocabulary; made with the profile's template when None.
        learning_rate: the profile's when None; constant unless ``schedule`` and ``warmup`` say otherwise.
        schedule: see ``scheduled_rate``.
        warmup: steps.
        seed: of the initial projector and of the order of the pairs.
        precision: ``fp32`` or ``bf16``.
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
    world = world or World(device=backbone.device)
    if batch_size % world.size or batch_size < 2 * world.size:
        raise InputError(
            f"batch_size {batch_size} cannot be shared by {world.size} process(es); give a multiple, at least 2 for each"
        )
    weights = dict(BOTH_LOSSES if losses is None else losses)
    terms = loss_terms(
        backbone, chosen, weights, vocabulary=vocabulary, split_kinds=split_kinds, tag_embeds=tag_embeds
    )
    aligner = seeded_aligner(backbone, terms, seed=seed).to(world.device)
    copy_from_first(aligner, world)
    rate = rate_for_batch(chosen.learning_rate, batch_size=batch_size, rate_batch=chosen.rate_batch)
    facts = _facts(backbone, data, vocabulary, chosen, weights, batch_size, seed, mode, split_kinds, rate)
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
            projector=aligner.projector,
            config=_config(backbone, aligner, profile=profile, mode=mode),
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
        _optimizer(aligner, chosen, rate),
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
        _write(folder, trained, aligner, vocabulary)
    return trained


def loss_terms(
    backbone: DenseCLIP,
    profile: TrainProfile,
    weights: Mapping[str, float],
    *,
    vocabulary: TagVocabulary | None,
    split_kinds: bool = False,
    tag_embeds: Tensor | None = None,
) -> list[tuple[str, float, nn.Module]]:
    """The explicit list of (name, weight, loss) of a run; a loss of weight 0 is not built.

    Raises:
        InputError: for an unknown name, or a tag loss without a vocabulary.
    """
    if unknown := weights.keys() - BOTH_LOSSES.keys():
        raise InputError(f"losses are tag and contrastive, got {min(unknown)!r}")
    terms: list[tuple[str, float, nn.Module]] = []
    if weights.get("tag", 0.0) != 0:
        if vocabulary is None or not len(vocabulary):
            raise InputError(
                "the tag loss needs a vocabulary with at least one tag; give one, or set its weight to 0"
            )
        if tag_embeds is None:
            tag_embeds = embed_names(backbone, vocabulary.names, [profile.template])
        kinds = [vocabulary.kinds.count(kind) for kind in dict.fromkeys(vocabulary.kinds)]
        term = TagTerm(
            tag_embeds,
            vocabulary.counts,
            loss=profile.loss,
            temperature=profile.temperature,
            prob_floor=profile.prob_floor,
            parts=kinds if split_kinds else None,
        )
        terms.append(("tag", weights["tag"], term))
    if weights.get("contrastive", 0.0) != 0:
        terms.append(
            ("contrastive", weights["contrastive"], ContrastiveTerm(temperature=profile.temperature))
        )
    return terms


def seeded_aligner(backbone: DenseCLIP, terms: list[tuple[str, float, nn.Module]], *, seed: int) -> Aligner:
    """An aligner whose projector is the same for the same seed, whatever random numbers were drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        projector = Projector.from_backbone(backbone)
    return Aligner(projector.float(), terms)


def _optimizer(aligner: Aligner, profile: TrainProfile, rate: float) -> torch.optim.Optimizer:
    return adamw(
        aligner,
        learning_rate=rate,
        betas=profile.betas,
        eps=profile.eps,
        weight_decay=profile.weight_decay,
        decay_scalars=profile.decay_scalars,
    )


def _source(
    data: FeaturePairs | BatchSource[Any], batch_size: int, seed: int, world: World
) -> BatchSource[Any]:
    if not isinstance(data, FeaturePairs):
        return data
    own = batch_size // world.size
    return ShuffledPairs(pairs=data, batch_size=own, seed=seed, rank=world.rank, world=world.size)


def _config(backbone: DenseCLIP, aligner: Aligner, *, profile: str, mode: str) -> TagAlignConfig:
    return TagAlignConfig(
        backbone=backbone.name,
        backbone_hash=backbone.weight_hash,
        profile=profile,
        width=backbone.width,
        dim=backbone.embed_dim,
        mode=mode,
        logit_scale=aligner.inference_scale(),
    )


def _facts(
    backbone: DenseCLIP,
    data: Any,
    vocabulary: TagVocabulary | None,
    profile: TrainProfile,
    weights: Mapping[str, float],
    batch_size: int,
    seed: int,
    mode: str,
    split_kinds: bool,
    rate: float,
) -> dict[str, Any]:
    """What shapes the weights of a run, as JSON values."""
    facts: dict[str, Any] = {name: value for name, value in asdict(profile).items() if name != "name"}
    facts["betas"] = list(profile.betas)
    return facts | {
        "profile": profile.name,
        "backbone": backbone.name,
        "backbone_hash": backbone.weight_hash,
        "mode": mode,
        "loss_weights": dict(sorted(weights.items())),
        "batch_size": batch_size,
        "seed": seed,
        "split_kinds": split_kinds,
        "learning_rate": rate,
        "vocabulary": None if vocabulary is None else vocabulary_hash(vocabulary),
        "vocabulary_size": 0 if vocabulary is None else len(vocabulary),
        "pairs": len(data) if isinstance(data, FeaturePairs) else None,
    }


def vocabulary_hash(vocabulary: TagVocabulary) -> str:
    """First 16 hex digits of the SHA-256 of names, kinds and counts."""
    rows = zip(vocabulary.names, vocabulary.kinds, vocabulary.counts, strict=True)
    text = "\n".join(f"{name}\t{kind}\t{count}" for name, kind, count in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write(
    folder: Path, trained: TrainedProjector, aligner: Aligner, vocabulary: TagVocabulary | None
) -> None:
    """The model folder, and the best checkpoint as one of its own."""
    _write_folder(folder, trained, trained.projector, vocabulary)
    best = folder / "checkpoints" / "best.safetensors"
    if best.exists():
        state = read_state(best).state["aligner"]
        own = {k.removeprefix("projector."): v for k, v in state.items() if k.startswith("projector.")}
        projector = Projector(width=trained.config.width, dim=trained.config.dim)
        projector.load_state_dict(own)
        _write_folder(folder / "best", trained, projector, vocabulary)


def _write_folder(
    folder: Path, trained: TrainedProjector, projector: Projector, vocabulary: TagVocabulary | None
) -> None:
    if vocabulary is not None:
        vocabulary.save(folder / "vocabulary.tsv")
    card = model_card(trained.config, trained.settings, trained.numbers)
    save_tagalign(folder, projector, trained.config, settings=trained.settings, card=card)

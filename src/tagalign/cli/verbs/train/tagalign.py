"""``tagalign train``: a projector for a frozen CLIP, from image-caption pairs and the tags of their captions."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import TINY, warn_tiny
from tagalign.cli.shared.run_record import run_record
from tagalign.cli.verbs.train.counted_warnings import CountedWarnings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.backbones.protocols import Backbone
    from tagalign.cli.verbs.train.validation import Watched
    from tagalign.data.feature_pairs import FeaturePairs
    from tagalign.data.from_pairs import PixelPlan
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.processes import Processes
    from tagalign.data.tag_table import TagTable
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
    from tagalign.train.tagalign.result import TrainedProjector

EXAMPLE = "tagalign parse pairs.jsonl --out tags, then tagalign vocabulary tags --out vocabulary.tsv"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train a projector on a frozen CLIP, from captions alone.

    Other methods have flags of their own: tagalign train --method trusty --help, tagalign train --method tag2text --help.
    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --data cc3m/*.tar --tags tags --vocabulary vocabulary.tsv --out my-model
    --model openai/clip-vit-base-patch16. Many GPUs: torchrun --no-python --nproc-per-node 8 tagalign train ...
    """

    data: tuple[str, ...] = ()
    """Pairs: WebDataset tars, JSONL, Parquet, folders of images with .txt captions; patterns, and a{00..31}.tar."""
    tags: Path | None = None
    """Tags of the captions: output of `tagalign parse` or `tagalign label`, joined by key."""
    vocabulary: Path | None = None
    """vocabulary.tsv; its counts weigh the balanced loss."""
    out: Path = Path("model")
    """Folder of the model, its checkpoints and its log."""
    model: str = TINY
    """`tiny` (drawn scenes only), a CLIP folder, or a hub id such as openai/clip-vit-base-patch16."""
    profile: Literal["paper", "released", "fixed"] = "paper"
    """Switches: loss, augmentation, pixel statistics, decay."""
    loss: Literal["balanced", "softmax", "weighted", "focal", "asymmetric"] | None = None
    """Tag loss; by default the profile's."""
    mode: str = "surgery"
    """Dense mode whose patches are trained on; surgery is the release's, clip are the patches as CLIP gives them."""
    blocks: int = 4
    """Gated convolutions of the projector; 0 trains CLIP's own head alone, eight times as fast."""
    tag_weight: float = 1.0
    """Weight of the tag loss; 0 leaves it out."""
    contrastive_weight: float = 1.0
    """Weight of the loss between images and captions; 0 leaves it out."""
    kinds: tuple[str, ...] = ("object", "attribute")
    """Kinds of tags that count, where --tags holds words."""
    split_kinds: bool = False
    """One softmax per kind instead of one over the whole list."""
    steps: int = 30_000
    """Optimiser steps (the paper's number)."""
    batch_size: int = 4096
    """Images per step, over all processes (the paper's number)."""
    micro_batch: int | None = None
    """Images the projector sees at a time, to fit into memory; the gradient stays that of the whole batch."""
    learning_rate: float | None = None
    """By default the profile's 1e-3."""
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    """Of the learning rate; constant is the paper's."""
    warmup: int = 0
    """Steps over which the learning rate rises."""
    seed: int = 0
    """Of the projector's start, the order of the pairs, and the augmentation."""
    size: int | None = None
    """Side of the training crops in pixels; by default the model's own."""
    augmentation: Literal["none", "crop", "released"] | None = None
    """Of the pixels; by default the profile's."""
    cache_features: Path | None = None
    """Encode every image once (middle square), keep the features here, and train from them."""
    cache_dtype: Literal["float16", "float8"] = "float16"
    """Of the cache; float8 takes half the room at about 3 % error."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    compile: bool = False
    """Compile encoder and projector; worth it from a few hundred steps on."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to; auto is CUDA where there is one."""
    workers: int = 0
    """Processes that decode images; 0 decodes in the main one."""
    streams: int | None = None
    """Independent readers; a resumed run needs the same number. By default as many as workers."""
    chunk: int = 256
    """Images per forward pass of the encoder."""
    checkpoint_every: int = 500
    """Steps between checkpoints; what a killed run can lose."""
    keep: int = 2
    """Checkpoints that stay."""
    held_out: tuple[str, ...] = ()
    """Pairs that are never trained on; their loss decides which checkpoint is best."""
    held_out_pairs: int = 1024
    """How many of them are used."""
    validate_every: int = 0
    """Steps between validations; 0 validates at the end alone."""
    validate_on: str | None = None
    """A segmentation benchmark whose mIoU is measured at every validation and then decides which checkpoint is best."""
    validate_path: Path | None = None
    """Folder of that benchmark; none for tiny-world."""
    validate_split: str | None = None
    """Split of that benchmark; choose one that no result is printed for. tiny-world: validation."""
    validate_images: int = 100
    """How many of its images are used."""
    watch: tuple[Path, ...] = ()
    """Photos whose heat maps are drawn into OUT/maps at every validation."""
    watch_labels: str = ""
    """Labels of those maps, with commas."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl."""
    tensorboard: bool = False
    """Also write TensorBoard files."""

    def __post_init__(self) -> None:
        if not self.data:
            raise InputError("--data is missing: give tars, JSONL or Parquet files, or a folder")
        for name in ("steps", "batch_size", "chunk"):
            if getattr(self, name) < 1:
                raise InputError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.tag_weight and (self.tags is None or self.vocabulary is None):
            raise InputError(
                f"the tag loss needs --tags and --vocabulary; make them with {EXAMPLE}, or give --tag-weight 0"
            )
        if self.validate_on and not self.validate_split:
            raise InputError("--validate-on needs --validate-split: one that no result is printed for")
        if self.watch and not self.watch_labels.strip():
            raise InputError("--watch needs --watch-labels, e.g. --watch-labels dog,grass")


def run(settings: TrainSettings) -> int:
    """Train; exit 0 when done, 128 + signal (143, 130) when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.data.pairs import find_shards
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    refs = find_shards(settings.data)
    vocabulary, tags = _tags(settings)
    with join_world(pick_device(settings.device)) as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        trained = _train(settings, refs, vocabulary, tags, processes=processes, stop=stop)
        return _report(settings, trained, stop) if processes.is_first else 0


def _tags(settings: TrainSettings) -> "tuple[TagVocabulary | None, TagTable | None]":
    if not settings.tag_weight or settings.tags is None or settings.vocabulary is None:
        return None, None
    from tagalign.data.tag_table import load_tag_table
    from tagalign.tags.vocabulary import TagVocabulary

    vocabulary = TagVocabulary.load(settings.vocabulary)
    return vocabulary, load_tag_table(settings.tags, vocabulary, kinds=settings.kinds)


def _train(
    settings: TrainSettings,
    refs: "list[ShardRef]",
    vocabulary: "TagVocabulary | None",
    tags: "TagTable | None",
    *,
    processes: "Processes",
    stop: "StopRequest",
) -> "TrainedProjector":
    from tagalign.backbones.load import load_backbone
    from tagalign.cli.verbs.train.validation import make_validation
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.tagalign.training import train_tagalign

    name = str(Path(settings.model).resolve()) if Path(settings.model).is_dir() else settings.model
    backbone = load_backbone(name, device=processes.device)
    data = _pairs(settings, backbone, refs, tags, processes=processes)
    bar = StepBar("training", settings.steps) if processes.is_first else None
    return train_tagalign(
        backbone,
        dataclasses.replace(data, vocabulary=vocabulary),
        _plan(settings),
        out_dir=settings.out,
        hooks=Hooks(
            # only the first process measures, so only it opens what is measured on
            validate=make_validation(_watched(settings), backbone) if processes.is_first else None,
            progress=bar.step if bar else None,
            stop=stop,
        ),
        processes=processes,
        settings=run_record(settings),
    )


def _watched(settings: TrainSettings) -> "Watched":
    from tagalign.cli.verbs.train.validation import Watched

    return Watched(
        benchmark=settings.validate_on,
        path=settings.validate_path,
        split=settings.validate_split,
        images=settings.validate_images,
        photos=settings.watch,
        labels=settings.watch_labels,
        out=settings.out / "maps",
    )


def _plan(settings: TrainSettings) -> "TagAlignPlan":
    from tagalign.train.tagalign.plan import TagAlignPlan

    return TagAlignPlan(
        steps=settings.steps,
        batch_size=settings.batch_size,
        losses={"tag": settings.tag_weight, "contrastive": settings.contrastive_weight},
        loss=settings.loss,
        profile=settings.profile,
        mode=settings.mode,
        num_blocks=settings.blocks,
        split_kinds=settings.split_kinds,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        warmup=settings.warmup,
        seed=settings.seed,
        precision=settings.precision,
        micro_batch=settings.micro_batch,
        compile_projector=settings.compile,
        checkpoint_every=settings.checkpoint_every,
        keep=settings.keep,
        validate_every=settings.validate_every,
        best="miou" if settings.validate_on else "-held_out_loss",
        log_every=settings.log_every,
        tensorboard=settings.tensorboard,
    )


def _pairs(
    settings: TrainSettings,
    backbone: "Backbone",
    refs: "list[ShardRef]",
    tags: "TagTable | None",
    *,
    processes: "Processes",
) -> "TrainingPairs":
    """Features from a cache, which is filled first, or a stream of pixels with what encodes it."""
    from tagalign.data.from_pairs import cached_pairs, pixel_source, stream_facts
    from tagalign.train.tagalign.plan import TrainingPairs

    pixels = _pixels(settings, processes)
    held_out = _held_out(settings, backbone, tags, pixels) if processes.is_first else None
    if settings.cache_features is None:
        stream, encode = pixel_source(
            backbone,
            refs,
            tags,
            pixels,
            batch_size=settings.batch_size,
            seed=settings.seed,
            world=processes,
            with_texts=settings.contrastive_weight > 0,
        )
        facts = stream_facts(stream.plan, refs)
        return TrainingPairs(pairs=stream, encode=encode, held_out=held_out, facts=facts)
    show = StepBar("encoding", None) if processes.is_first else None
    cached = cached_pairs(
        backbone,
        refs,
        settings.cache_features,
        tags,
        pixels,
        on_broken=CountedWarnings().add,
        progress=show.to if show else None,
        world=processes,
    )
    facts = {"cache_dtype": settings.cache_dtype, "size": pixels.size}
    return TrainingPairs(pairs=cached, held_out=held_out, facts=facts)


def _pixels(settings: TrainSettings, processes: "Processes") -> "PixelPlan":
    from tagalign.data.from_pairs import PixelPlan
    from tagalign.ops.precision import resolve_precision
    from tagalign.train.tagalign.profiles import train_profile

    return PixelPlan(
        profile=settings.profile,
        size=settings.size,
        mode=settings.mode,
        precision=resolve_precision(settings.precision, processes.device),
        compile_encoder=settings.compile,
        chunk=settings.chunk,
        workers=settings.workers,
        streams=settings.streams,
        augmentation=settings.augmentation or train_profile(settings.profile).augmentation,
        cache_dtype=settings.cache_dtype,
    )


def _held_out(
    settings: TrainSettings, backbone: "Backbone", tags: "TagTable | None", plan: "PixelPlan"
) -> "FeaturePairs | None":
    if not settings.held_out:
        return None
    from tagalign.data.from_pairs import first_pairs
    from tagalign.data.pairs import find_shards

    return first_pairs(backbone, find_shards(settings.held_out), tags, plan, count=settings.held_out_pairs)


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
    print(f"{settings.out} written after {trained.steps} steps ({numbers})", file=sys.stderr)
    print(f'try it: tagalign segment PHOTO --labels "dog,grass" --model {settings.out}', file=sys.stderr)
    return 0

"""The flags of ``tagalign train``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tagalign.cli.shared.choices import (
    DenseMode,
    PrecisionChoice,
    Profile,
    TagKind,
    TagLossChoice,
)
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.renamed import Formerly
from tagalign.cli.verbs.train.teacher_flags import TeacherFlags
from tagalign.errors import InputError

EXAMPLE = "tagalign parse pairs.jsonl --out tags, then tagalign vocabulary tags --out vocabulary"

LEAST = {
    **dict.fromkeys(
        ("steps", "batch_size", "chunk", "size", "streams", "held_out_pairs", "validate_images"), 1
    ),
    **dict.fromkeys(
        ("blocks", "tag_loss_weight", "contrastive_weight", "learning_rate", "warmup", "seed"), 0
    ),
    **dict.fromkeys(("loaders", "validate_every"), 0),
}
"""Smallest values of the numbers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings(TeacherFlags):
    """Train a projector on a frozen CLIP, from captions alone.

    Other methods have flags of their own: tagalign train --method trusty --help; so have tag2text and groupvit.
    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --pairs cc3m/*.tar --tags tags --vocabulary vocabulary --out my-model
    --model openai/clip-vit-base-patch16. Many GPUs: torchrun --no-python --nproc-per-node 8 tagalign train ...
    """

    pairs: Annotated[tuple[str, ...], Formerly("data")] = ()
    """WebDataset tars, JSONL, Parquet, folders of images with .txt captions; patterns, and a{00..31}.tar."""
    tags: Path | None = None
    """Tags of the captions: output of `tagalign parse` or `tagalign label`, joined by key."""
    vocabulary: Path | None = None
    """What tagalign vocabulary wrote, folder or vocabulary.tsv; its counts weigh the balanced loss."""
    out: Path = Path("model")
    """Folder of the model, its checkpoints and its log."""
    profile: Profile = "paper"
    """Switches: loss, augmentation, pixel statistics, decay."""
    loss: TagLossChoice = None
    """Tag loss; by default the profile's."""
    loss_option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """name=value of an option of the loss, as often as needed: gamma of focal; gamma_negative, clip of asymmetric."""
    mode: DenseMode = "surgery"
    """Dense mode whose patches are trained on; surgery is the release's, clip are the patches as CLIP gives them."""
    blocks: int = 4
    """Gated convolutions of the projector; 0 trains CLIP's own head alone, eight times as fast."""
    tag_loss_weight: Annotated[float, Formerly("tag_weight")] = 1.0
    """Weight of the tag loss; 0 leaves it out."""
    contrastive_weight: float = 1.0
    """Weight of the loss between images and captions; 0 leaves it out."""
    kinds: tuple[TagKind, ...] = ("object", "attribute")
    """Kinds of tags that count, where --tags holds words."""
    split_kinds: bool = False
    """One softmax per kind instead of one over the whole list."""
    steps: int = 30_000
    """Optimiser steps (the paper's number)."""
    batch_size: int = 4096
    """Images per step, over all processes (the paper's number)."""
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
    precision: PrecisionChoice = "auto"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    loaders: Annotated[int, Formerly("workers")] = 0
    """Processes that read and decode images; 0 does it in the main one."""
    streams: int | None = None
    """Independent readers; a resumed run needs the same number. By default as many as --loaders."""
    chunk: int = 256
    """Images per forward pass of the encoder."""
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pairs:
            raise InputError("--pairs is missing: give tars, JSONL or Parquet files, or a folder")
        check_least(self, LEAST)
        if self.tag_loss_weight and (self.tags is None or self.vocabulary is None):
            raise InputError(
                f"the tag loss needs --tags and --vocabulary; make them with {EXAMPLE}, or give --tag-loss-weight 0"
            )
        if self.loss_option and self.loss is None:
            raise InputError("--loss-option belongs to --loss; name the loss too, or leave it out")
        if self.validate_on and not self.validate_split:
            raise InputError("--validate-on needs --validate-split: one that no result is printed for")
        if self.watch and not self.watch_labels.strip():
            raise InputError("--watch needs --watch-labels, e.g. --watch-labels dog,grass")

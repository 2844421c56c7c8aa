"""The flags of ``tagalign train --method groupvit``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tagalign.cli.shared.choices import PrecisionChoice, TagKind
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.renamed import Formerly
from tagalign.cli.verbs.train.teacher_flags import TeacherFlags
from tagalign.errors import InputError

LEAST = {
    **dict.fromkeys(("steps", "batch_size", "chunk", "width", "heads", "patch", "size", "streams"), 1),
    **dict.fromkeys(
        ("tag_loss_weight", "contrastive_weight", "learning_rate", "warmup", "seed", "loaders"), 0
    ),
}
"""Smallest values of the numbers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainGroupVitSettings(TeacherFlags):
    """Train a GroupViT vision tower from scratch against the frozen texts of a CLIP, from captions, with or without tags.

    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --method groupvit --pairs cc3m/*.tar --tags tags --vocabulary vocabulary --out my-groupvit.
    Many GPUs: torchrun --no-python --nproc-per-node 8 tagalign train --method groupvit ...
    """

    method: Literal["groupvit"] = "groupvit"
    """This one; other methods have other flags."""
    pairs: Annotated[tuple[str, ...], Formerly("data")] = ()
    """WebDataset tars, JSONL, Parquet, folders of images with .txt captions; patterns, and a{00..31}.tar."""
    tags: Path | None = None
    """Tags of the captions: output of `tagalign parse` or `tagalign label`, joined by key; without it captions alone."""
    vocabulary: Path | None = None
    """What tagalign vocabulary wrote, folder or vocabulary.tsv; its counts weigh the balanced loss."""
    out: Path = Path("groupvit")
    """Folder of the model, its checkpoints and its log."""
    kinds: tuple[TagKind, ...] = ("object", "attribute")
    """Kinds of tags that count, where --tags holds words."""
    tag_loss_weight: Annotated[float, Formerly("tag_weight")] = 1.0
    """Weight of the tag loss, with --tags."""
    contrastive_weight: float = 1.0
    """Weight of the loss between images and captions."""
    consistency_weight: float = 0.0
    """Weight of OVSegmentor's loss between the masks of images that share an object, with --tags; 0 leaves it out."""
    consistency_momentum: float = 0.99
    """How much of the tower's slow copy stays at every step; it makes the masks that --consistency-weight compares with."""
    width: int = 384
    """Of the tower (the paper's, as the three below)."""
    depths: tuple[int, ...] = (6, 3, 3)
    """Layers of each stage."""
    groups: tuple[int, ...] = (64, 8)
    """Group tokens at the end of each stage but the last."""
    heads: int = 6
    """Of the attention."""
    patch: int = 16
    """Side of a patch in pixels."""
    size: int | None = None
    """Side of the training crops in pixels; by default the encoder's own."""
    steps: int = 30_000
    """Optimiser steps."""
    batch_size: int = 4096
    """Images per step, over all processes (the paper's number)."""
    learning_rate: float = 1e-3
    """Top of the cosine schedule."""
    warmup: int = 2000
    """Steps over which the learning rate rises."""
    seed: int = 0
    """Of the weights, the noise in the groups, the order of the pairs and the crops."""
    augmentation: Literal["none", "crop", "released"] = "crop"
    """Of the pixels."""
    precision: PrecisionChoice = "auto"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    loaders: Annotated[int, Formerly("workers")] = 0
    """Processes that read and decode images; 0 does it in the main one."""
    streams: int | None = None
    """Independent readers; a resumed run needs the same number. By default as many as --loaders."""
    chunk: int = 256
    """Images that travel together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pairs:
            raise InputError("--pairs is missing: give tars, JSONL or Parquet files, or a folder")
        if (self.tags is None) != (self.vocabulary is None):
            raise InputError(
                "--tags and --vocabulary belong together: the tags, and the list that they count in"
            )
        if self.consistency_weight < 0 or not 0 <= self.consistency_momentum < 1:
            raise InputError(
                "--consistency-weight must be at least 0 and --consistency-momentum in [0, 1), got "
                f"{self.consistency_weight:g} and {self.consistency_momentum:g}"
            )
        if self.consistency_weight and self.tags is None:
            raise InputError("--consistency-weight needs --tags: they say which images share an object")
        check_least(self, LEAST)
        if len(self.groups) != len(self.depths) - 1 or min((*self.groups, *self.depths)) < 1:
            raise InputError(
                f"--groups has one number less than --depths, all from 1, got {list(self.groups)} and {list(self.depths)}"
            )
        if self.width % self.heads:
            raise InputError(f"--width must be a multiple of --heads, got {self.width} and {self.heads}")

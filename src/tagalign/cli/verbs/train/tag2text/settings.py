"""The flags of ``tagalign train --method tag2text``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tagalign.backbones.models import AUTO
from tagalign.cli.shared.choices import PrecisionChoice, Profile
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.renamed import Formerly
from tagalign.cli.verbs.train.trainer_flags import TrainerFlags
from tagalign.errors import InputError

STARTS = ("swin-base", "vit-base")

TASKS = ("tagging", "captioning", "contrastive", "matching", "answering")
LEAST = {
    **dict.fromkeys(("image_size", "layers", "width", "heads", "steps", "batch_size", "workers"), 1),
    **dict.fromkeys((*TASKS, "recognised_share", "learning_rate", "tower_rate_share", "warmup"), 0),
    **dict.fromkeys(("weight_decay", "clip_norm", "seed", "validate_every"), 0),
}
"""Smallest values of the numbers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tag2TextTrainSettings(TrainerFlags):
    """Train Tag2Text on images with captions and the tag ids of each caption.

    Records come from the release's JSON, from our Parquet, or from pairs and what `tagalign label` made of them.
    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --method tag2text --records coco.parquet --tag-list tags.txt --model swin-base --out my-tag2text
    Many GPUs: torchrun --no-python --nproc-per-node 8 tagalign train --method tag2text ...
    """

    method: Literal["tag2text"] = "tag2text"
    """This one; other methods have other flags."""
    records: Annotated[Path | None, Formerly("data")] = None
    """A .parquet (docs/formats.md), the release's .json, or tars with a record beside each photo; with --label-rows pairs
    (JSONL, Parquet, a folder, tars)."""
    label_rows: Annotated[Path | None, Formerly("labels")] = None
    """Label rows of the pairs, from `tagalign label`; --tag-list is the vocabulary they were labelled with."""
    questions: Path | None = None
    """JSON lines of image, question and answer, or VQA v2's official questions with their annotations beside them: learns to
    answer; images without a question are left out then."""
    tag_list: Annotated[Path | None, Formerly("tags")] = None
    """The list that the ids point into: one name per line, or what tagalign vocabulary wrote."""
    vocab: Path | None = None
    """vocab.txt of BERT; by default whole words of the captions."""
    out: Path = Path("tag2text")
    """Folder of the model, its checkpoints and its log."""
    model: str = AUTO
    """The image encoder: `swin-base`, `vit-base` (random), a folder of a Swin or ViT, a CLIP (frozen; `auto` is the photo
    model), or a Tag2Text to go on with."""
    bert: Path | None = None
    """Folder of a BERT (safetensors) that the text parts start from."""
    image_size: int | None = None
    """Side of the photos in pixels: 224 for `swin-base` and `vit-base`, else that of --model; 384 fine-tunes larger, as the
    paper does, and resizes what belongs to places."""
    layers: int = 12
    """Of each text part."""
    width: int = 768
    """Of the text parts."""
    heads: int = 12
    """Of the text parts."""
    head: Literal["shared", "own", "linear"] = "shared"
    """Tag head: shared with the tag encoder, own layers, or a linear one."""
    tagging: float = 1.0
    """Weight of the tagging loss; 0 leaves it out."""
    captioning: float = 1.0
    """Weight of the caption loss."""
    contrastive: float = 1.0
    """Weight of the contrastive loss."""
    momentum_queue: int = 0
    """Embeddings of earlier batches that the contrastive loss compares with too, and with them a momentum encoder (ALBEF has
    65536); 0 for neither."""
    momentum: float | None = None
    """Share of the momentum encoder that a step leaves as it is, with --momentum-queue; 0.995 by default."""
    soft_targets: float | None = None
    """Share of the contrastive targets that the momentum encoder decides, with --momentum-queue; 0.4 by default, after an
    epoch."""
    matching: float = 1.0
    """Weight of the matching loss with hard negatives."""
    answering: float = 1.0
    """Weight of the answers, where there are --questions."""
    use_tags: bool = True
    """Guide captions and answers by tags."""
    recognised_share: float = 0.0
    """Share of captions guided by recognised instead of parsed tags; for fine-tuning."""
    all_captions: bool = False
    """Tagging learns the tags of all captions of an image; for fine-tuning."""
    profile: Profile = "fixed"
    """Switches of guidance, prompt, losses and decay."""
    steps: int = 30_000
    """Optimiser steps."""
    batch_size: int = 64
    """Images per step, over all processes (the paper's 960 is over 8 GPUs)."""
    learning_rate: float = 1e-4
    """After the warm-up; the paper's."""
    tower_rate_share: float = 1.0
    """Share of --learning-rate for the image tower; below 1 where it was trained before and the rest was not."""
    warmup: int = 3000
    """Steps; the paper's."""
    schedule: Literal["linear", "cosine", "constant", "released"] = "linear"
    """Of the learning rate; released is 0.9 per epoch."""
    weight_decay: float = 0.05
    """Of AdamW; the paper's."""
    clip_norm: float | None = None
    """Largest norm of the gradient; by default it is left alone, as in the release."""
    crop_share: Annotated[float, Formerly("crop")] = 0.2
    """Smallest share of a photo that the random crop keeps; 1 takes whole photos."""
    flip: bool = True
    """Mirror half of the photos; off where captions speak of left and right."""
    rand_augment: bool = False
    """Change colours and shapes of photos as well, as strong as in the release; frozen tokens of a cache cannot be."""
    keep_features: Annotated[bool, Formerly("cache")] = True
    """With a frozen encoder: encode every photo once and keep the tokens, where they take no more than --keep-limit."""
    keep_limit: float = 8.0
    """GiB of tokens that are kept in memory at most; above it photos are encoded in every step, or see --keep-in."""
    keep_in: Path | None = None
    """Keep the tokens in this folder instead of memory; refused before anything is encoded where its disk lacks the room."""
    stream: bool = False
    """Read pairs or records piece by piece and keep nothing: for millions of them. Tars are always streamed; records in JSON
    or in Parquet of large row groups are copied into --out once."""
    held_out_share: Annotated[float, Formerly("held_out")] = 0.02
    """Share of the records that is never trained on; the thresholds per tag are measured there. 0 keeps 0.68 for all."""
    seed: int = 0
    """Of weights, order, tags, negatives and crops."""
    precision: PrecisionChoice = "fp32"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    workers: int = 4
    """Threads that decode photos."""
    validate_every: int = 0
    """Steps between looks at the losses of held-out records, which decide OUT/best; 0 for none."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, LEAST)
        if self.fsdp:
            raise InputError(
                "--fsdp spreads a frozen encoder, and Tag2Text trains its own; leave it out, --micro-batch saves memory too"
            )
        if self.records is None or (self.tag_list is None and self.model in STARTS):
            raise InputError(
                "--records FILE and --tag-list FILE are needed: records, and the tag list their ids point into"
            )
        from tagalign.tags.vocabulary_file import is_vocabulary

        if self.label_rows is not None and (self.tag_list is None or not is_vocabulary(self.tag_list)):
            raise InputError(
                "--label-rows needs --tag-list vocabulary: the list that the pairs were labelled with"
            )
        if self.validate_every and not self.held_out_share:
            raise InputError(
                "--validate-every looks at held-out records; give --held-out-share one, e.g. 0.02"
            )
        if self.momentum_queue < 0 or (
            not self.momentum_queue and (self.momentum, self.soft_targets) != (None, None)
        ):
            raise InputError(
                f"--momentum and --soft-targets belong to a --momentum-queue of at least 1, "
                f"got {self.momentum_queue}; give one"
            )
        if not self.keep_features and self.keep_in is not None:
            raise InputError("--keep-in keeps tokens and --no-keep-features none; leave one of them out")
        if not self.keep_limit >= 0:
            raise InputError(f"--keep-limit is a size in GiB of at least 0, got {self.keep_limit:g}")
        if not 0 <= self.held_out_share < 1:
            raise InputError(f"--held-out-share is a share in [0, 1), got {self.held_out_share}")
        if not 0 < self.crop_share <= 1:
            raise InputError(f"--crop-share is a share in (0, 1], got {self.crop_share}")

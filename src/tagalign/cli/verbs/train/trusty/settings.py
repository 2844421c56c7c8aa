"""The flags of ``tagalign train --method trusty``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tagalign.backbones.packaged import TINY
from tagalign.cli.shared.choices import PrecisionChoice, Profile, Templates
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.model_flags import PHOTO_MODEL
from tagalign.cli.shared.renamed import Formerly
from tagalign.cli.verbs.train.trainer_flags import TrainerFlags
from tagalign.cli.verbs.train.trusty.presets import PRESETS
from tagalign.errors import InputError

WEIGHTS = ("mask_weight", "dice_weight", "trusty_weight", "cls_weight", "weight_decay")
LEAST = {
    **dict.fromkeys(("steps", "batch_size", "limit", "size", "hidden"), 1),
    **dict.fromkeys((*WEIGHTS, "learning_rate", "warmup", "prompts", "min_score", "seed"), 0),
    **dict.fromkeys(("loaders", "held_out_count", "validate_every"), 0),
}
"""Smallest values of the numbers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTrustySettings(TrainerFlags):
    """Train TrustyCLIP: masks for some classes, any names later.

    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --method trusty --data voc2012 --path VOC --model openai/clip-vit-base-patch16 --out my-model
    Many GPUs: torchrun --no-python --nproc-per-node 4 tagalign train --method trusty ...
    """

    method: Literal["trusty"] = "trusty"
    """This one."""
    data: str | None = None
    """voc2012, coco-stuff, context59, context60, ade20k, ade20k-847, cityscapes, tiny-world, tiny-world-objects; or
    --photos and --masks."""
    path: Path | None = None
    """Folder of the data set."""
    split: str | None = None
    """By default the one the papers train on."""
    photos: Annotated[Path | None, Formerly("images")] = None
    """Folder of your own photos (.jpg or .png); names as in --masks."""
    masks: Path | None = None
    """Palette or grey PNGs with one id per pixel: the place of its label in the list, from 0; 255 is ignored (65535, in
    16-bit PNGs, where there are more than 255 labels)."""
    labels: str | None = None
    """Names of your own classes, with commas."""
    labels_file: Path | None = None
    """The same, one per line, or a label set in JSON."""
    unseen: str | None = None
    """Names whose masks are hidden, with commas; by default the split of the papers (none for your own data)."""
    setting: Literal["inductive", "transductive", "supervised"] = "inductive"
    """What training knows of unseen classes: nothing, their names from half time on, or everything."""
    trusty_target: Literal["strict", "paper"] = "strict"
    """`strict` never uses where unseen pixels are; `paper` does, as the published numbers do."""
    out: Path = Path("model")
    """Folder of the model, its checkpoints and its log."""
    profile: Profile = "fixed"
    """Switches: pixel statistics, loss of the trusty map, classification loss, calibration."""
    steps: int | None = None
    """Updates; by default the papers' 20,000 (VOC) or 80,000 (COCO-Stuff)."""
    batch_size: int = 16
    """Crops per update, over all processes (the paper's number)."""
    learning_rate: float = 2e-4
    """Of everything that is trained."""
    weight_decay: float = 0.01
    """Of everything that is trained."""
    warmup: int | None = None
    """Updates over which the learning rate rises; by default 1,500."""
    size: Annotated[int | None, Formerly("crop")] = None
    """Side of the training crops in pixels; by default 512, or the native size of a smaller encoder."""
    prompts: int | None = None
    """Prompt rows per block; by default 10 for VOC and 100 for COCO-Stuff."""
    hidden: int | None = None
    """Width of the head's feed-forward networks; by default four times the joint space."""
    dropout: float = 0.1
    """Share of values set to 0 while training, in prompts and head (the release's number)."""
    token: bool = True
    """With a trusty token."""
    learner: str = "relation"
    """Input of the trusty learner: relation (the paper's choice), concat, product, text-product, text-patches,
    concat-after, none, or QUERY,KEY,VALUE of text, image, patches, product, concat, relation."""
    mask_weight: float = 20.0
    """Alpha of Eq. 11, of the focal loss."""
    dice_weight: float = 1.0
    """Beta of Eq. 11."""
    trusty_weight: float = 10.0
    """Gamma of Eq. 11, of the trusty map."""
    cls_weight: float | None = None
    """Of L_cls in Eq. 11; by default 1 in profile `paper` and 0 in the others, as the release does not have it."""
    ignored: Literal["released", "masked"] = "released"
    """Ignored pixels are negatives of every class, or do not count."""
    min_score: float = 0.0
    """Least mask score of a pseudo label (the paper labels every pixel)."""
    templates: Templates | None = None
    """Prompts that the names are put into, by the name of the set; by default the papers' choice."""
    limit: int | None = None
    """Use the first so many images."""
    seed: int = 0
    """Of weights, order, crops and dropout."""
    precision: PrecisionChoice = "fp32"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    loaders: Annotated[int, Formerly("workers")] = 0
    """Processes that read and crop images; 0 does it in the main one."""
    checkpoint_every: int = 1000
    """Steps between checkpoints; what a killed run can lose."""
    held_out_count: Annotated[int, Formerly("held_out")] = 0
    """The last so many images are never trained on; their loss decides which checkpoint is best (OUT/best)."""
    validate_every: int = 0
    """Steps between validations on them; 0 validates at the end alone."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""

    def auto_model(self) -> str:
        """The photo model; for drawn scenes the one that knows them."""
        return TINY if (self.data or "").startswith("tiny-world") else PHOTO_MODEL

    def __post_init__(self) -> None:
        super().__post_init__()
        own = (self.photos, self.masks)
        if (self.data is None) == (own == (None, None)):
            raise InputError("give --data NAME, or --photos and --masks with --labels (one of both ways)")
        if self.data is not None and self.data not in PRESETS:
            raise InputError(f"--data {self.data!r}: training knows {', '.join(sorted(PRESETS))}")
        if own != (None, None) and (None in own or not (self.labels or self.labels_file)):
            raise InputError("your own data needs --photos, --masks and --labels (or --labels-file)")
        if self.data is not None and (self.labels or self.labels_file):
            raise InputError("--labels names your own classes; a data set brings its own")
        check_least(self, LEAST)

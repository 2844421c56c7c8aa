"""``tagalign train --method trusty``: open-vocabulary segmentation from images with masks of some classes."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import TINY, warn_tiny
from tagalign.cli.shared.run_record import run_record
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.data.benchmarks.records import SegmentationSet
    from tagalign.data.processes import Processes
    from tagalign.data.trusty.sources import ClassSplit
    from tagalign.methods.trusty.method import TrustyCLIP
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.trusty.plan import TrustyPlan


@dataclasses.dataclass(frozen=True)
class Preset:
    """What the papers use for a data set, where a flag does not say otherwise."""

    benchmark: str
    split: str
    steps: int
    prompts: int
    templates: str
    warmup: int = 1500


PRESETS = {
    "voc2012": Preset("voc20", "train_aug", 20_000, 10, "1"),
    "voc20": Preset("voc20", "train_aug", 20_000, 10, "1"),
    "coco-stuff": Preset("coco-stuff", "train2017", 80_000, 100, "15"),
    "context59": Preset("context59", "train", 20_000, 10, "1"),
    "ade20k": Preset("ade20k", "training", 80_000, 100, "1"),
    "cityscapes": Preset("cityscapes", "train", 20_000, 10, "1"),
    "tiny-world": Preset("tiny-world", "train", 400, 10, "1", warmup=30),
    "tiny-world-objects": Preset("tiny-world-objects", "train", 400, 10, "1", warmup=30),
}
OWN = Preset("own", "train", 20_000, 10, "1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTrustySettings:
    """Train TrustyCLIP: masks for some classes, any names later.

    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --method trusty --data voc2012 --path VOC --model openai/clip-vit-base-patch16 --out my-model
    Many GPUs: torchrun --no-python --nproc-per-node 4 tagalign train --method trusty ...
    """

    method: Literal["trusty"] = "trusty"
    """This one."""
    data: str | None = None
    """voc2012, coco-stuff, context59, ade20k, cityscapes, tiny-world or tiny-world-objects; or give --images and --masks."""
    path: Path | None = None
    """Folder of the data set."""
    split: str | None = None
    """By default the one the papers train on."""
    images: Path | None = None
    """Your own images (.jpg or .png); names as in --masks."""
    masks: Path | None = None
    """Palette or grey PNGs with one id per pixel: the place of its label in the list, from 0; 255 is ignored."""
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
    model: str = TINY
    """`tiny` (drawn scenes only), a CLIP folder, or a hub id such as openai/clip-vit-base-patch16."""
    profile: Literal["paper", "released", "fixed"] = "fixed"
    """Switches: pixel statistics, loss of the trusty map, calibration."""
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
    crop: int | None = None
    """Side of the training crops in pixels; by default 512, or the native size of a smaller encoder."""
    prompts: int | None = None
    """Prompt rows per block; by default 10 for VOC and 100 for COCO-Stuff."""
    token: bool = True
    """With a trusty token."""
    learner: Literal["relation", "concat", "product", "text-product", "text-patches", "none"] = "relation"
    """Input of the trusty learner; relation is the paper's choice."""
    mask_weight: float = 20.0
    """Alpha of Eq. 11, of the focal loss."""
    dice_weight: float = 1.0
    """Beta of Eq. 11."""
    trusty_weight: float = 10.0
    """Gamma of Eq. 11, of the trusty map."""
    cls_weight: float = 0.0
    """Of L_cls in Eq. 11, which the release does not have."""
    ignored: Literal["released", "masked"] = "released"
    """Ignored pixels are negatives of every class, or do not count."""
    min_score: float = 0.0
    """Least mask score of a pseudo label (the paper labels every pixel)."""
    templates: str | None = None
    """Prompt templates by name, e.g. 1, 15 or 80; by default the papers' choice."""
    limit: int | None = None
    """Use the first so many images."""
    seed: int = 0
    """Of weights, order, crops and dropout."""
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to; auto is CUDA where there is one."""
    workers: int = 0
    """Processes that read and crop images; 0 does it in the main one."""
    checkpoint_every: int = 1000
    """Steps between checkpoints; what a killed run can lose."""
    keep: int = 2
    """Checkpoints that stay."""
    held_out: int = 0
    """The last so many images are never trained on; their loss decides which checkpoint is best (OUT/best)."""
    validate_every: int = 0
    """Steps between validations on them; 0 validates at the end alone."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""
    tensorboard: bool = False
    """Also write TensorBoard files."""

    def __post_init__(self) -> None:
        own = (self.images, self.masks)
        if (self.data is None) == (own == (None, None)):
            raise InputError("give --data NAME, or --images and --masks with --labels (one of both ways)")
        if self.data is not None and self.data not in PRESETS:
            raise InputError(f"--data {self.data!r}: training knows {', '.join(sorted(PRESETS))}")
        if own != (None, None) and (None in own or not (self.labels or self.labels_file)):
            raise InputError("your own data needs --images, --masks and --labels (or --labels-file)")
        if self.data is not None and (self.labels or self.labels_file):
            raise InputError("--labels names your own classes; a data set brings its own")
        for name in ("steps", "limit", "crop"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name} must be at least 1, got {value}")


def run(settings: TrainTrustySettings) -> int:
    """Train; exit 0 when done, 128 + signal when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    data = _open(settings)
    with join_world(pick_device(settings.device)) as processes, stop_on_signals() as stop:
        if processes.is_first:
            warn_tiny(settings.model)
        plan, model = _train(settings, data, processes=processes, stop=stop)
        return _report(settings, plan, model, stop) if processes.is_first else 0


def _train(
    settings: TrainTrustySettings, data: "SegmentationSet", *, processes: "Processes", stop: "StopRequest"
) -> "tuple[TrustyPlan, TrustyCLIP]":
    from tagalign.backbones.load import load_backbone
    from tagalign.data.trusty.sources import BenchmarkSource, hold_out
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.trusty.trainee import MaskData
    from tagalign.train.trusty.training import train_trusty

    split = class_split(settings, data)
    source, held_out = hold_out(BenchmarkSource(data), settings.held_out)
    name = str(Path(settings.model).resolve()) if Path(settings.model).is_dir() else settings.model
    backbone = load_backbone(name, device=processes.device)
    plan = make_plan(settings, default_crop=_default_crop(backbone))
    bar = StepBar("training", plan.steps) if processes.is_first else None
    model = train_trusty(
        backbone,
        MaskData(source=source, split=split, held_out=held_out, workers=settings.workers),
        plan,
        out_dir=settings.out,
        hooks=Hooks(progress=bar.step if bar else None, stop=stop),
        processes=processes,
        settings=run_record(settings),
    )
    return plan, model


def _open(settings: TrainTrustySettings) -> "SegmentationSet":
    from tagalign.data.trusty.sources import FirstImages, own_masks

    data: SegmentationSet
    if settings.data is None:
        assert settings.images is not None  # checked by the settings
        assert settings.masks is not None
        from tagalign.tags.label_sets import load_label_set

        labels = load_label_set(settings.labels_file or str(settings.labels))
        data = own_masks(settings.images, settings.masks, labels)
    else:
        from tagalign.data.benchmarks import open_benchmark

        preset = PRESETS[settings.data]
        data = open_benchmark(preset.benchmark, settings.path, settings.split or preset.split)
    return data if settings.limit is None else FirstImages(data, settings.limit)


def class_split(settings: TrainTrustySettings, data: "SegmentationSet") -> "ClassSplit":
    """The classes and which of them hide their masks.

    Raises:
        InputError: if a name of ``--unseen`` is no class.
    """
    from tagalign.data.trusty.sources import ClassSplit

    names = data.labels.names
    if settings.unseen is None:
        return ClassSplit(names=names, unseen=data.unseen)
    asked = [name.strip() for name in settings.unseen.split(",") if name.strip()]
    if wrong := [name for name in asked if name not in names]:
        raise InputError(f"--unseen {wrong[0]!r} is none of the classes: {', '.join(names)}")
    return ClassSplit(names=names, unseen=tuple(sorted(names.index(name) for name in asked)))


def make_plan(settings: TrainTrustySettings, *, default_crop: int) -> "TrustyPlan":
    """The settings and the papers' choices for what was not given."""
    from tagalign.data.trusty.augment import Augmentation
    from tagalign.ops.mask_losses import MaskLossWeights
    from tagalign.tags.label_sets import template_set
    from tagalign.train.trusty.plan import TrustyPlan

    preset = OWN if settings.data is None else PRESETS[settings.data]
    return TrustyPlan(
        setting=settings.setting,
        trusty_target=settings.trusty_target,
        profile=settings.profile,
        steps=settings.steps or preset.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup=preset.warmup if settings.warmup is None else settings.warmup,
        num_prompts=preset.prompts if settings.prompts is None else settings.prompts,
        trusty_token=settings.token,
        learner=settings.learner,
        ignored=settings.ignored,
        min_score=settings.min_score,
        weights=MaskLossWeights(
            mask=settings.mask_weight,
            dice=settings.dice_weight,
            trusty=settings.trusty_weight,
            cls=settings.cls_weight,
        ),
        augmentation=Augmentation(crop=settings.crop or default_crop),
        templates=template_set(settings.templates or preset.templates),
        seed=settings.seed,
        precision=settings.precision,
        checkpoint_every=settings.checkpoint_every,
        keep=settings.keep,
        validate_every=settings.validate_every,
        log_every=settings.log_every,
        tensorboard=settings.tensorboard,
    )


def _default_crop(backbone: Any) -> int:
    from tagalign.methods.trusty.method import default_crop

    return default_crop(backbone)


def _report(
    settings: TrainTrustySettings, plan: "TrustyPlan", model: "TrustyCLIP", stop: "StopRequest"
) -> int:
    if stop:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 128 + stop.signal_number
    target = f", trusty target {plan.trusty_target}" if plan.has_token else ""
    print(
        f"{settings.out} written after {plan.steps} steps ({plan.setting}{target}, {len(model.trained)} classes with masks)",
        file=sys.stderr,
    )
    example = ",".join(model.trained[:2])
    print(
        f'try it: tagalign segment PHOTO --labels "{example},something new" --model {settings.out}',
        file=sys.stderr,
    )
    return 0

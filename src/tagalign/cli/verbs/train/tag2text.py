"""``tagalign train --method tag2text``: tagging, captions, alignment and answers, from images with captions and tags."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.shared.model_flags import TINY, warn_tiny
from tagalign.cli.shared.run_record import run_record
from tagalign.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from tagalign.backbones.preprocess import Preprocessing
    from tagalign.data.processes import Processes
    from tagalign.data.tag2text.batches import Tag2TextData
    from tagalign.data.tag2text.records import TaggedRecord, TaggedRecords
    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.methods.tag2text.wordpieces import Wordpieces
    from tagalign.train.loop.guards import StopRequest
    from tagalign.train.tag2text.losses import Tasks
    from tagalign.train.tag2text.plan import Tag2TextPlan
    from tagalign.train.tag2text.training import TrainedTag2Text

STARTS = ("swin-base", "vit-base")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tag2TextTrainSettings:
    """Train Tag2Text on images with captions and the tag ids of each caption.

    Records come from the release's JSON, from our Parquet, or from pairs and what `tagalign label` made of them.
    A run that was stopped or killed goes on when the same command is given again.
    Example: tagalign train --method tag2text --data coco.parquet --tags tags.txt --model swin-base --out my-tag2text
    Many GPUs: torchrun --no-python --nproc-per-node 8 tagalign train --method tag2text ...
    """

    method: Literal["tag2text"] = "tag2text"
    """This one; other methods have other flags."""
    data: Path | None = None
    """Records: .parquet (docs/formats.md) or the release's .json; with --labels pairs (JSONL, Parquet, a folder)."""
    labels: Path | None = None
    """Label rows of the pairs, from `tagalign label`; --tags is the vocabulary they were labelled with."""
    questions: Path | None = None
    """JSON lines of image, question and answer: learns to answer; images without a question are left out then."""
    tags: Path | None = None
    """The tag list that the ids point into: one name per line, or vocabulary.tsv."""
    vocab: Path | None = None
    """vocab.txt of BERT; by default whole words of the captions."""
    out: Path = Path("tag2text")
    """Folder of the model, its checkpoints and its log."""
    model: str = TINY
    """The image encoder: `swin-base`, `vit-base` (random), a folder of a Swin, ViT or CLIP (frozen), or a Tag2Text to go
    on with."""
    bert: Path | None = None
    """Folder of a BERT (safetensors) that the text parts start from."""
    image_size: int = 224
    """Pixels, for `swin-base` and `vit-base`."""
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
    profile: Literal["paper", "released", "fixed"] = "fixed"
    """Switches of guidance, prompt, losses and decay."""
    steps: int = 30_000
    """Optimiser steps."""
    batch_size: int = 64
    """Images per step, over all processes (the paper's 960 is over 8 GPUs)."""
    learning_rate: float = 1e-4
    """After the warm-up; the paper's."""
    warmup: int = 3000
    """Steps; the paper's."""
    schedule: Literal["linear", "cosine", "constant", "released"] = "linear"
    """Of the learning rate; released is 0.9 per epoch."""
    weight_decay: float = 0.05
    """Of AdamW; the paper's."""
    clip_norm: float | None = None
    """Largest norm of the gradient; by default it is left alone, as in the release."""
    crop: float = 0.2
    """Smallest share of a photo that the random crop keeps; 1 takes whole photos."""
    flip: bool = True
    """Mirror half of the photos; off where captions speak of left and right."""
    cache: bool = True
    """With a frozen encoder: encode every photo once and keep the tokens in memory."""
    held_out: float = 0.02
    """Share of the records that is never trained on; the thresholds per tag are measured there. 0 keeps 0.68 for all."""
    seed: int = 0
    """Of weights, order, tags, negatives and crops."""
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    """Of the products; auto is bf16 on CUDA and on CPUs with units for it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to; auto is CUDA where there is one."""
    workers: int = 4
    """Threads that decode photos."""
    checkpoint_every: int = 500
    """Steps between checkpoints; what a killed run can lose."""
    keep: int = 2
    """Checkpoints that stay."""
    validate_every: int = 0
    """Steps between looks at the losses of held-out records, which decide OUT/best; 0 for none."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""
    tensorboard: bool = False
    """Also write TensorBoard files."""

    def __post_init__(self) -> None:
        if self.data is None or (self.tags is None and self.model in STARTS):
            raise InputError(
                "--data FILE and --tags FILE are needed: records, and the tag list their ids point into"
            )
        if self.labels is not None and (self.tags is None or self.tags.suffix != ".tsv"):
            raise InputError(
                "--labels needs --tags vocabulary.tsv: the list that the pairs were labelled with"
            )
        if self.validate_every and not self.held_out:
            raise InputError("--validate-every looks at held-out records; give --held-out a share, e.g. 0.02")
        if not 0 <= self.held_out < 1:
            raise InputError(f"--held-out is a share in [0, 1), got {self.held_out}")
        if not 0 < self.crop <= 1:
            raise InputError(f"--crop is a share in (0, 1], got {self.crop}")


def run(settings: Tag2TextTrainSettings) -> int:
    """Train; exit 0 when done, 128 + signal when a signal asked for a stop and a checkpoint was saved."""
    from tagalign.methods.load import pick_device
    from tagalign.train.loop.distributed import join_world
    from tagalign.train.loop.guards import stop_on_signals

    with join_world(pick_device(settings.device)) as processes:
        if processes.is_first:
            warn_tiny(settings.model)
        method, sizes = _method(settings, processes.device)
        records = _records(settings, len(method.tags))
        train, held_out = _split(settings, records, method)
        with stop_on_signals() as stop:
            trained = _train(settings, method, train, held_out, processes=processes, stop=stop)
        if not trained.is_finished:
            return _stopped(settings, trained, stop) if processes.is_first else 0
        if processes.is_first:
            _write(settings, method, sizes, trained, held_out)
        return 0


def _stopped(settings: Tag2TextTrainSettings, trained: "TrainedTag2Text", stop: "StopRequest") -> int:
    print(
        f"stopped after step {trained.steps} of {settings.steps}; the same command goes on from there",
        file=sys.stderr,
    )
    return 128 + stop.signal_number


def _method(
    settings: Tag2TextTrainSettings, device: "torch.device"
) -> "tuple[Tag2TextMethod, dict[str, Any]]":
    """The network to train as a method, and its sizes; a Tag2Text folder goes on with its own tags and words."""
    from tagalign.methods.load import trained_type
    from tagalign.methods.tag2text.bert import init_from_bert
    from tagalign.train.tag2text.start import NewNetwork, new_method, reopen

    if trained_type(settings.model) == "tag2text":
        return reopen(Path(settings.model), device=device, profile=settings.profile)
    network = NewNetwork(
        image_encoder=settings.model,
        image_size=settings.image_size,
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        head=settings.head,
        seed=settings.seed,
    )
    names, words = _names(settings), _words(settings)
    method, sizes = new_method(network, names=names, words=words, profile=settings.profile, device=device)
    if settings.bert is not None:
        filled = init_from_bert(method.model, settings.bert)
        print(f"{filled} tensors start from {settings.bert}", file=sys.stderr)
    return method, sizes


def _names(settings: Tag2TextTrainSettings) -> list[str]:
    if settings.tags is None:
        raise InputError("--tags is missing: the list that the ids of --data point into")
    if settings.tags.suffix == ".tsv":
        from tagalign.tags.vocabulary import TagVocabulary

        return list(TagVocabulary.load(settings.tags).names)
    from tagalign.tags.text_files import read_text

    try:
        return read_text(settings.tags).removesuffix("\n").split("\n")
    except DataError as error:
        raise InputError(
            f"--tags {settings.tags}: expected a text file with one tag per line ({error})"
        ) from error


def _words(settings: Tag2TextTrainSettings) -> "Wordpieces":
    """BERT's tokenizer, or one of the words of captions, tags and questions where no vocab.txt is given."""
    from tagalign.methods.tag2text.wordpieces import Wordpieces

    if settings.vocab is not None:
        return Wordpieces.from_file(settings.vocab)
    names = _names(settings)
    records = _records(settings, len(names))
    asked = _questions(settings).values()
    words = [text for pairs in asked for pair in pairs for text in pair]
    captions = (caption for record in records for caption in record.captions)
    return Wordpieces.from_texts([*names, "|", *captions, *words])


def _questions(settings: Tag2TextTrainSettings) -> "dict[str, list[tuple[str, str]]]":
    from tagalign.data.tag2text.sources import read_questions

    return {} if settings.questions is None else read_questions(settings.questions)


def _records(settings: Tag2TextTrainSettings, num_tags: int) -> "TaggedRecords":
    from tagalign.data.tag2text.records import read_records

    assert settings.data is not None  # checked when the flags were read
    if settings.labels is None:
        return read_records(settings.data, num_tags=num_tags)
    from tagalign.data.tag2text.sources import records_from_pairs
    from tagalign.tags.vocabulary import TagVocabulary

    assert settings.tags is not None  # checked when the flags were read
    return records_from_pairs(settings.data, settings.labels, TagVocabulary.load(settings.tags))


def _split(
    settings: Tag2TextTrainSettings, records: "TaggedRecords", method: "Tag2TextMethod"
) -> "tuple[Tag2TextData, Tag2TextData | None]":
    from tagalign.train.tag2text.start import split_records

    chosen: Sequence[TaggedRecord] = records
    if settings.questions is not None:
        from tagalign.data.tag2text.sources import with_questions

        chosen = with_questions(records, _questions(settings), place=str(settings.questions))
        print(f"{len(chosen)} of {len(records)} images have a question", file=sys.stderr)
    train, held_out = split_records(chosen, share=settings.held_out, seed=settings.seed)
    data = _data(settings, train, records.folder, method, method.preprocessing)
    if not held_out:
        return data, None
    whole = dataclasses.replace(settings, crop=1.0)
    return data, _data(whole, held_out, records.folder, method, method.preprocessing)


def _data(
    settings: Tag2TextTrainSettings,
    records: Any,
    folder: Path,
    method: "Tag2TextMethod",
    preprocessing: "Preprocessing",
) -> "Tag2TextData":
    from tagalign.data.tag2text.batches import PhotoData
    from tagalign.data.tag2text.sources import questions_of
    from tagalign.train.tag2text.start import encode_once

    asked = _questions(settings)

    photos = PhotoData(
        records=records,
        folder=folder,
        preprocessing=preprocessing,
        crop=settings.crop,
        flip=settings.flip,
        workers=settings.workers,
        questions=[questions_of(record, asked) for record in records] if asked else (),
    )
    if not (settings.cache and method.model.image_encoder.external):
        return photos
    bar = StepBar("encoding", len(records))
    return encode_once(
        dataclasses.replace(photos, crop=1.0), method, batch_size=settings.batch_size, show=bar.to
    )


def _train(
    settings: Tag2TextTrainSettings,
    method: "Tag2TextMethod",
    data: "Tag2TextData",
    held_out: "Tag2TextData | None",
    *,
    processes: "Processes",
    stop: "StopRequest",
) -> "TrainedTag2Text":
    from tagalign.train.loop.plan import Hooks
    from tagalign.train.tag2text.training import train_tag2text

    return train_tag2text(
        method,
        data,
        _plan(settings),
        tasks=_tasks(settings, method),
        # a look at the end alone could choose nothing, and would cost a pass
        held_out=held_out if settings.validate_every else None,
        out_dir=settings.out,
        hooks=Hooks(
            progress=StepBar("training", settings.steps).step if processes.is_first else None, stop=stop
        ),
        processes=processes,
    )


def _plan(settings: Tag2TextTrainSettings) -> "Tag2TextPlan":
    from tagalign.train.tag2text.plan import Tag2TextPlan

    return Tag2TextPlan(
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        schedule=settings.schedule,
        weight_decay=settings.weight_decay,
        clip_norm=settings.clip_norm,
        profile=settings.profile,
        seed=settings.seed,
        precision=settings.precision,
        checkpoint_every=settings.checkpoint_every,
        keep=settings.keep,
        validate_every=settings.validate_every,
        log_every=settings.log_every,
        tensorboard=settings.tensorboard,
    )


def _tasks(settings: Tag2TextTrainSettings, method: "Tag2TextMethod") -> "Tasks":
    from tagalign.train.tag2text.losses import Tasks

    names = ["tagging", "captioning", "contrastive", "matching"]
    names += ["answering"] if settings.questions is not None else []
    weights = {name: getattr(settings, name) for name in names}
    return Tasks(
        weights={name: weight for name, weight in weights.items() if weight},
        use_tags=settings.use_tags,
        recognised_share=settings.recognised_share,
        all_captions=settings.all_captions,
        prompt=method.decoding.prompt,
    )


def _write(
    settings: Tag2TextTrainSettings,
    method: "Tag2TextMethod",
    sizes: dict[str, Any],
    trained: "TrainedTag2Text",
    held_out: "Tag2TextData | None",
) -> None:
    """The model folder, and the best weights as one of their own in ``best/``; each with its own thresholds."""
    from tagalign.train.tag2text.training import load_best

    _write_folder(settings, settings.out, method, sizes, trained, held_out)
    if load_best(method, settings.out):
        _write_folder(settings, settings.out / "best", method, sizes, trained, held_out)
    numbers = ", ".join(
        f"{k} {v:.4g}" for k, v in trained.numbers.items() if k not in ("learning_rate", "images_per_s")
    )
    print(f"{settings.out} written after {trained.steps} steps ({numbers})", file=sys.stderr)
    print(f"try it: tagalign caption PHOTO --model {settings.out}", file=sys.stderr)


def _write_folder(
    settings: Tag2TextTrainSettings,
    folder: Path,
    method: "Tag2TextMethod",
    sizes: dict[str, Any],
    trained: "TrainedTag2Text",
    held_out: "Tag2TextData | None",
) -> None:
    from tagalign.methods.tag2text.folder import save_tag2text
    from tagalign.train.tag2text.start import calibrate_thresholds

    if held_out is not None:
        calibrate_thresholds(method, held_out, batch_size=settings.batch_size)
    save_tag2text(
        folder,
        method.model,
        sizes=sizes,
        tags=method.tags.names,
        wordpieces=method.wordpieces,
        preprocessing=method.preprocessing,
        choice=method.choice,
        profile=settings.profile,
        prompt=method.decoding.prompt,
        length=method.decoding.length,
        settings=run_record(settings, numbers=trained.numbers),
    )

"""``tagalign evaluate``: a model on a benchmark, with intervals, a table row and a page to look at."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.common import (
    PHOTO_MODEL,
    TINY,
    ErrorLog,
    ModelFlags,
    parse_shard,
    print_json,
    progress,
    warn_tiny,
)
from tagalign.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from tagalign.evaluate.engine import Asker, Gathered, Plan
    from tagalign.evaluate.results import Result
    from tagalign.methods.protocols import Method
    from tagalign.types import LabelSet

TINY_DATA = "tiny-world"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateSettings(ModelFlags):
    """Score a model on a benchmark (`tagalign data list` shows all).

    Writes result.json, result.md, report.html and rows.jsonl into --out; run it again with the same flags to go on
    after a stop. Example: tagalign evaluate --data voc21 --path VOCdevkit/VOC2012 --protocol groupvit-448
    --model openai/clip-vit-base-patch16 --method maskclip --out results/voc21-maskclip
    """

    data: str = TINY_DATA
    """Name of the benchmark."""
    path: Path | None = None
    """Its folder; the tiny world has none."""
    split: str | None = None
    """Its split; by default the one that papers report."""
    task: str | None = None
    """What is asked; by default what the benchmark is for. `retrieval` ranks images and sentences of a caption benchmark."""
    protocol: str = "plain"
    """`plain`, `groupvit-448`, `sclip-336`, `clip-es` or `zegclip-512`: sizes, windows, prompts and words."""
    wording: str | None = None
    """`plain` (official names), `clean` (readable), `aliases` (other words count too), or `both`: plain and aliases, one
    after the other, into two folders below --out; by default the protocol's."""
    labels_file: Path | None = None
    """Other words for the same classes: one per line, or a label set in JSON, in the order of the classes."""
    templates: str | None = None
    """Prompts: `1`, `1-dot`, `7`, `15`, `80`, `85` or `clip-es`; by default the protocol's or the method's."""
    background_words: str | None = None
    """Words that compete and are never answered: `voc`, `coco` or `none`; by default the protocol's."""
    refine: str = "none"
    """Refinement by the colours of the photo: `none`, `pamr` or `crf`."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the protocol's or the method's."""
    cross_dataset: bool = False
    """TrustyCLIP on another data set than it was trained on: all names count as seen, the trusty token is left out."""
    out: Path = Path("evaluation")
    """Folder for the results."""
    limit: int | None = None
    """Only the first images; the result says so."""
    shard: str = "0/1"
    """`i/n`: every n-th batch from the i-th on; the last process to finish writes the result."""
    workers: int = 2
    """Threads that read images and masks."""
    allow_missing: bool = False
    """Print a number although images are missing."""
    resamples: int = 1000
    """Drawings of the images for the 95 % intervals; 0 for none."""
    seed: int = 0
    """Of these drawings."""
    gallery: int = 6
    """Best and worst images shown in the page; 0 for none."""
    json: bool = False
    """Print the metrics as one JSON object on standard output."""

    def auto_model(self) -> str:
        """The photo model; for drawn scenes the one that knows them."""
        return TINY if self.data.startswith(TINY_DATA) else PHOTO_MODEL

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("limit", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name} must be at least 1, got {value}")


def run(settings: EvaluateSettings) -> int:
    """Evaluate; a number is printed only over the whole benchmark unless asked otherwise."""
    if settings.wording == "both":
        both = (dataclasses.replace(settings, wording=w, out=settings.out / w) for w in ("plain", "aliases"))
        return max([run(one) for one in both])
    shard = parse_shard(settings.shard)
    _check_cross_dataset(settings)
    if not settings.data.startswith(TINY_DATA):
        warn_tiny(settings.model)
    from tagalign.data.benchmarks import find_benchmark, open_benchmark
    from tagalign.evaluate.engine import Plan, gather
    from tagalign.evaluate.evaluation import asker_for, summarize

    benchmark = find_benchmark(settings.data)
    data = open_benchmark(settings.data, settings.path, settings.split)
    labels = _labels(settings, data) if hasattr(data, "labels") else None
    method = _load(
        settings, data, uses_aliases=labels is not None and any(one.aliases for one in labels.labels)
    )
    asker = asker_for(_kind(settings, benchmark.kind), method, data, labels=labels)
    plan = Plan(
        out=settings.out,
        batch_size=settings.batch_size,
        workers=settings.workers,
        limit=settings.limit,
        shard=shard,
        watch=lambda rows, total: progress(rows, f"evaluating {settings.data}", total=total),
    )
    gathered = gather(asker, plan)
    _log_failures(settings.out, gathered)
    if gathered.pending and shard[1] > 1:
        _say(f"{len(gathered.rows):,} of {gathered.listed:,} images done; the other shards go on")
        return 0
    result = summarize(
        asker,
        gathered,
        allow_missing=settings.allow_missing,
        resamples=settings.resamples,
        seed=settings.seed,
        protocol=settings.protocol,
    )
    _write(settings, asker, gathered, plan, result)
    return 0


def _check_cross_dataset(settings: EvaluateSettings) -> None:
    from tagalign.methods.load import trained_type

    method = settings.method or trained_type(settings.model)
    if settings.cross_dataset and method != "trusty":
        raise InputError(
            f"--cross-dataset belongs to models of `tagalign train --method trusty`; {settings.model} answers with "
            f"{method or 'maskclip'}, which has no trusty token to leave out"
        )


def _kind(settings: EvaluateSettings, kind: str) -> str:
    if settings.task in {None, kind} or (settings.task, kind) == ("retrieval", "captions"):
        return settings.task or kind
    raise InputError(f"--task {settings.task} cannot be asked of {settings.data}, a benchmark of {kind}")


def _say(text: str) -> None:
    import sys

    print(text, file=sys.stderr)


def _labels(settings: EvaluateSettings, data: Any) -> "LabelSet":
    """The benchmark's labels in the words of the protocol and the flags."""
    from tagalign.evaluate.protocols import find_protocol
    from tagalign.tags.label_sets import WORDINGS, background_words, load_label_set, template_set

    if settings.wording is not None and settings.wording not in WORDINGS:
        raise UnknownNameError("wording", settings.wording, WORDINGS)
    protocol = find_protocol(settings.protocol)
    own = data.labels if settings.labels_file is None else load_label_set(settings.labels_file)
    labels = protocol.words(own, settings.data, wording=settings.wording or _file_wording(settings))
    if settings.templates is not None:
        labels = dataclasses.replace(labels, templates=template_set(settings.templates))
    if settings.background_words is not None:
        labels = dataclasses.replace(labels, background=background_words(settings.background_words))
    return labels


def _file_wording(settings: EvaluateSettings) -> str | None:
    """Words of a file are meant as they stand, aliases included."""
    return "aliases" if settings.labels_file is not None else None


def _load(settings: EvaluateSettings, data: Any, *, uses_aliases: bool) -> "Method[Any]":
    """The method with the options of the protocol; the background rule is on where the benchmark has a background."""
    import tagalign
    from tagalign.evaluate.protocols import find_protocol

    asked: dict[str, Any] = settings.options() | find_protocol(settings.protocol).method_options(
        settings.data
    )
    asked |= {"refine": settings.refine} if settings.refine != "none" else {}
    asked |= {"short_side": settings.short_side} if settings.short_side is not None else {}
    asked |= {"use_aliases": True} if uses_aliases else {}
    asked |= {"weighting": "cross-dataset"} if settings.cross_dataset else {}
    rule: dict[str, Any] = {"background_rule": True} if getattr(data, "has_background", False) else {}
    try:
        return tagalign.load(settings.model, **asked, **rule).method
    except TypeError as error:
        name = _refused_option(error)
        if name == "background_rule":  # a method that always answers with background
            return _load_again(settings.model, asked)
        if name is None:
            raise
        raise _no_option(settings, name) from error


def _load_again(model: str, asked: dict[str, Any]) -> "Method[Any]":
    import tagalign

    return tagalign.load(model, **asked).method


def _refused_option(error: TypeError) -> str | None:
    """The argument that a method does not take."""
    _, found, rest = str(error).partition("unexpected keyword argument '")
    return rest.split("'")[0] if found else None


def _no_option(settings: EvaluateSettings, name: str) -> InputError:
    flag = name.replace("_", "-")
    return InputError(
        f"method {settings.method!r} has no option {flag!r}, which the flags or protocol {settings.protocol!r} set; "
        "choose another method or protocol"
    )


def _log_failures(out: Path, gathered: "Gathered") -> None:
    (out / "errors.jsonl").unlink(
        missing_ok=True
    )  # of an earlier run; what is mended now must not stay listed
    with ErrorLog(out) as errors:
        for key, error in gathered.failures:
            errors.add(key, error)


def _write(
    settings: EvaluateSettings, asker: "Asker", gathered: "Gathered", plan: "Plan", result: "Result"
) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.evaluate.results import markdown_table, write_result

    path = write_result(settings.out, result)
    table = markdown_table([result])
    with atomic_write(settings.out / "result.md") as temp:
        temp.write_text(table + "\n", encoding="utf-8")
    page = _page(settings, asker, gathered, result)
    with atomic_write(settings.out / "report.html") as temp:
        temp.write_text(page, encoding="utf-8")
    if settings.json:
        print_json({"benchmark": settings.data, "images": result.images} | {"metrics": result.metrics})
    else:
        print(table)
    _say(f"written to {path}, report: {settings.out / 'report.html'}")


def _page(settings: EvaluateSettings, asker: "Asker", gathered: "Gathered", result: "Result") -> str:
    from tagalign.evaluate.ask_dense import AskSegmentation
    from tagalign.evaluate.mistakes import worst_confusions
    from tagalign.evaluate.score import confusion_of
    from tagalign.pages.best_and_worst import best_and_worst
    from tagalign.pages.evaluation import render_evaluation

    if not isinstance(asker, AskSegmentation):
        return render_evaluation(result)
    names = list(asker.data.class_names)
    best, worst = best_and_worst(asker, gathered.rows, count=settings.gallery)
    mistakes = worst_confusions(confusion_of(gathered.rows, len(names)), names)
    return render_evaluation(result, mistakes=mistakes, best=best, worst=worst)

"""``tagalign tag``: tags for photos, from one to millions, from any list of labels."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.common import ModelFlags, parse_shard, print_json, progress, warn_tiny
from tagalign.cli.label_flags import LabelFlags
from tagalign.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from tagalign.methods.thresholds import Threshold
    from tagalign.tasks.batch_labelling import LabelRun
    from tagalign.tasks.label_job import Job, JobSpec, Labelled
    from tagalign.types import LabelSet

FORMATS = ("csv", "jsonl", "parquet")
ENGINES = ("threads", "ray")
DEFAULT_METHOD = "tagclip"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TagSettings(ModelFlags, LabelFlags):
    """Say which of your labels are in each photo.

    Writes tags.csv (or another format), index.html to check the result quickly, and one Parquet file per 1,000 photos with
    the scores of all labels. A run that was stopped goes on where it was when the same command is given again.
    Example: tagalign tag photos/ --labels "dog,cat,bicycle" --background voc --model openai/clip-vit-base-patch16
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("tags")
    """Folder for the results."""
    background: str | None = None
    """Words that compete and are never answered: `voc`, `coco` or `none`; by default those of the label set."""
    templates: str | None = None
    """Prompts: `1`, `7`, `80`, `85`, ...; by default those of the label set, else the method's own."""
    threshold: str | None = None
    """Which labels are chosen: `relative:0.5`, `absolute:0.3`, `top:5`, or `calibrated` (from --labels-file)."""
    calibrate: Path | None = None
    """Measure a threshold per label on this labelled folder (labels.jsonl, or one folder per label) and save it."""
    format: str = "csv"
    """`csv`, `jsonl` or `parquet` (the parts alone)."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    sheet: bool = False
    """Also write sheet.jpg: thumbnails of the first 60 photos with their tags."""
    summary: bool = True
    """Write index.html: counts, histograms of scores, and the photos to look at first."""
    workers: int = 2
    """Threads that decode photos; with --engine ray, models."""
    shard: str = "0/1"
    """i/n: every n-th photo from the i-th on, for several machines that write into one folder."""
    engine: str = "threads"
    """`threads`, or `ray` for a cluster."""
    part_size: int = 1000
    """Photos per part: what a kill costs at most."""
    overwrite: bool = False
    """Begin again in a folder that holds another run."""
    cache: bool = True
    """Keep label embeddings on disk (TAGALIGN_CACHE, else the user's cache folder)."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.format not in FORMATS:
            raise UnknownNameError("format", self.format, FORMATS)
        if self.engine not in ENGINES:
            raise UnknownNameError("engine", self.engine, ENGINES)
        if self.workers < 1 or self.part_size < 1:
            raise InputError(
                f"--workers and --part-size must be at least 1, got {self.workers} and {self.part_size}"
            )
        parse_shard(self.shard)
        if not self.images and self.calibrate is None:
            raise InputError(
                "give photos to tag: files, folders, patterns, lists, tars, or - for paths on standard input"
            )


def run(settings: TagSettings) -> int:
    """Calibrate where asked, tag all photos, and write the tables and pages."""
    spec = _spec(settings)
    warn_tiny(settings.model)
    job = spec.open()
    if settings.calibrate is not None:
        spec, job = _calibrated(settings, spec, job)
        if not settings.images:
            return 0
    run_ = _open_run(settings, spec, job)
    if settings.engine == "ray":
        _run_on_ray(settings, spec, run_)
    else:
        _run_here(settings, run_, job)
    return _finish(settings, run_, job)


# --- what is to be done -----------------------------------------------------------------------------------------------


def _spec(settings: TagSettings) -> "JobSpec":
    from tagalign.methods.load import trained_type
    from tagalign.tasks.label_job import JobSpec

    method = settings.method or (None if trained_type(settings.model) else DEFAULT_METHOD)
    options: dict[str, Any] = {
        key: value
        for key, value in {"profile": settings.profile, "short_side": settings.short_side}.items()
        if value is not None
    }
    if settings.cache and method in {"tagclip", "cls-seg", "gated"}:
        from tagalign.methods.text_cache import default_cache_dir

        options["text_cache"] = default_cache_dir()
    return JobSpec(
        kind="tag",
        model=settings.model,
        method=method,
        options=options,
        labels=_labels(settings),
        threshold=_threshold(settings),
        device=settings.device,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )


def _labels(settings: TagSettings) -> "LabelSet":
    from tagalign.tags.label_sets import background_words, template_set

    labels = settings.label_set()
    if settings.background is not None:
        labels = dataclasses.replace(labels, background=background_words(settings.background))
    if settings.templates is not None:
        labels = dataclasses.replace(labels, templates=template_set(settings.templates))
    return labels


def _threshold(settings: TagSettings) -> "Threshold | None":
    from tagalign.methods.thresholds import parse_threshold
    from tagalign.tasks.calibration import load_calibrated

    if settings.threshold is None:
        return None
    if settings.threshold == "calibrated":
        if settings.calibrate is not None:
            return None  # measured in a moment
        if settings.labels_file is None:
            raise InputError(
                "--threshold calibrated needs the label set that --calibrate wrote: --labels-file FILE"
            )
        return load_calibrated(settings.labels_file)
    return parse_threshold(settings.threshold)


def _calibrated(settings: TagSettings, spec: "JobSpec", job: "Job") -> tuple["JobSpec", "Job"]:
    from tagalign.tasks.calibration import calibrate, read_examples, save_calibrated

    if settings.calibrate is None:
        raise AssertionError("asked for calibration without a folder")
    examples = read_examples(settings.calibrate, spec.labels.names)
    threshold = calibrate(job, examples)
    path = settings.out / "labels.calibrated.json"
    save_calibrated(path, spec.labels, threshold, job.describe())
    print(
        f"thresholds of {len(threshold.per_label)} labels from {len(examples)} images written to {path}; "
        f"use them with --labels-file {path} --threshold calibrated",
        file=sys.stderr,
    )
    spec = dataclasses.replace(spec, threshold=threshold)
    return spec, dataclasses.replace(job, spec=spec)


# --- running ----------------------------------------------------------------------------------------------------------


def _open_run(settings: TagSettings, spec: "JobSpec", job: "Job") -> "LabelRun":
    from tagalign.tasks.batch_labelling import clear_run, open_run

    if settings.overwrite:
        clear_run(settings.out)
    return open_run(
        spec,
        settings.images,
        settings.out,
        fingerprint=job.fingerprint(),
        described=job.describe(),
        shard=parse_shard(settings.shard),
        part_size=settings.part_size,
        lines=sys.stdin,
    )


def _run_here(settings: TagSettings, run_: "LabelRun", job: "Job") -> None:
    from tagalign.tasks.batch_labelling import label_many

    before = sum(run_.done())
    if before:
        print(f"{before} of {run_.manifest.count} images were done before", file=sys.stderr)
    total = run_.manifest.count - before
    for labelled in progress(label_many(run_, job), "tagging", total=total):
        if labelled.error is not None:
            print(f"error: {labelled.error}", file=sys.stderr)
        elif settings.json:
            print_json(_json_row(labelled))


def _json_row(labelled: "Labelled") -> dict[str, object]:
    tagging = labelled.tagging
    if tagging is None:
        raise AssertionError("a tag run gives tags")
    tags = [{"name": tagging.names[i], "score": round(tagging.scores[i], 6)} for i in tagging.chosen]
    scores = {name: round(score, 6) for name, score in zip(tagging.names, tagging.scores, strict=True)}
    return {"path": labelled.source.key, "tags": tags, "scores": scores}


def _run_on_ray(settings: TagSettings, spec: "JobSpec", run_: "LabelRun") -> None:
    from tagalign.tasks.label_ray import label_many_on_ray

    if settings.json:
        raise InputError(
            "--json prints what this process labels; with --engine ray read the Parquet parts instead"
        )
    gpus = 1.0 if settings.device == "cuda" else 0.0
    parts = label_many_on_ray(spec, run_, models=settings.workers, gpus=gpus)
    for _ in progress(parts, "tagging parts", total=len(run_.pending())):
        pass


# --- what is written at the end ---------------------------------------------------------------------------------------


def _finish(settings: TagSettings, run_: "LabelRun", job: "Job") -> int:
    from tagalign.cli.run_record import write_settings
    from tagalign.cli.tag_tables import write_table
    from tagalign.tasks.batch_labelling import merge_errors

    done, failed = run_.done()
    merge_errors(run_)
    write_settings(run_.folder, settings, model=job.method.describe(), labels=list(job.labels.names))
    if settings.format != "parquet" and done:
        write_table(run_, settings.format, job.labels.names)
    if settings.summary:
        _write_page(settings, run_, job)
    if settings.sheet and done:
        _write_sheet(run_)
    tail = f", {failed} failed (see {run_.folder}/errors.jsonl)" if failed else ""
    print(f"{done} images tagged in {run_.folder}{tail}", file=sys.stderr)
    return 2 if failed and not done else 0


def _write_page(settings: TagSettings, run_: "LabelRun", job: "Job") -> None:
    from tagalign.atomic import atomic_write
    from tagalign.tasks.label_inputs import open_key
    from tagalign.tasks.label_page import render_page
    from tagalign.tasks.label_summary import summarise

    described = job.method.describe()
    details = [
        ("method", f"{described.get('method')}, profile {described.get('profile')}"),
        ("model", f"{described.get('model')}, weights {described.get('weight_hash')}"),
        (
            "labels",
            f"{job.labels.label_set.name}, version {job.labels.label_set.version}, {len(job.labels.names)} labels",
        ),
        ("threshold", str(job.spec.threshold or described.get("threshold"))),
    ]
    summary = summarise(run_.folder, "tag", job.labels.names)
    page = render_page(
        summary, title=f"Tags of {', '.join(settings.images)[:80]}", details=details, opener=open_key
    )
    with atomic_write(run_.folder / "index.html") as temp:
        temp.write_text(page, encoding="utf-8")


SHEET_IMAGES = 60


def _write_sheet(run_: "LabelRun") -> None:
    from itertools import islice

    from tagalign.atomic import atomic_write
    from tagalign.errors import TagalignError
    from tagalign.export.contact_sheet import contact_sheet
    from tagalign.tasks.label_inputs import open_key
    from tagalign.tasks.label_rows import read_rows

    pictures = []
    for row in islice(read_rows(run_.parts(), ["key", "tags"]), SHEET_IMAGES):
        try:
            pictures.append((open_key(str(row["key"])), ", ".join(row["tags"]) or "no tag"))  # type: ignore[arg-type]
        except TagalignError:
            continue
    if pictures:
        with atomic_write(run_.folder / "sheet.jpg") as temp:
            contact_sheet(pictures).save(temp, format="JPEG", quality=88)

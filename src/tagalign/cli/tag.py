"""``tagalign tag``: tags for photos, from one to millions, from any list of labels."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.batch_flow import BatchFlags, cache_option, close_labelling, label_photos
from tagalign.cli.common import ModelFlags, print_json, warn_tiny
from tagalign.cli.label_flags import LabelFlags
from tagalign.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from tagalign.methods.thresholds import Threshold
    from tagalign.tasks.photos.job import Job, JobSpec, Labelled
    from tagalign.tasks.photos.run import LabelRun
    from tagalign.types import LabelSet

FORMATS = ("csv", "jsonl", "parquet")
DEFAULT_METHOD = "tagclip"
SHEET_IMAGES = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class TagSettings(ModelFlags, LabelFlags, BatchFlags):
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
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.format not in FORMATS:
            raise UnknownNameError("format", self.format, FORMATS)
        self.check_batch()
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
        spec, job = _calibrated(settings, settings.calibrate, spec, job)
        if not settings.images:
            return 0
    printer = _print_row if settings.json else None
    labelled = label_photos(settings, spec, job, images=settings.images, out=settings.out, on_done=printer)
    _write_tables(settings, labelled, job)
    title = f"Tags of {', '.join(settings.images)[:80]}"
    return close_labelling(settings, settings, labelled, job, job.labels.names, title=title)


def _spec(settings: TagSettings) -> "JobSpec":
    from tagalign.methods.load import trained_type
    from tagalign.tasks.photos.job import JobSpec

    method = settings.method or (None if trained_type(settings.model) else DEFAULT_METHOD)
    given = {"profile": settings.profile, "short_side": settings.short_side}
    options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    return JobSpec(
        kind="tag",
        model=settings.model,
        method=method,
        options=options | cache_option(settings, method),
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


def _calibrated(settings: TagSettings, folder: Path, spec: "JobSpec", job: "Job") -> tuple["JobSpec", "Job"]:
    from tagalign.tasks.calibration import calibrate, read_examples, save_calibrated

    examples = read_examples(folder, spec.labels.names)
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


def _print_row(labelled: "Labelled") -> None:
    tagging = labelled.tagging
    if tagging is None:
        raise AssertionError("a tag run gives tags")
    tags = [{"name": tagging.names[i], "score": round(tagging.scores[i], 6)} for i in tagging.chosen]
    scores = {name: round(score, 6) for name, score in zip(tagging.names, tagging.scores, strict=True)}
    print_json({"path": labelled.source.key, "tags": tags, "scores": scores})


def _write_tables(settings: TagSettings, run_: "LabelRun", job: "Job") -> None:
    from tagalign.cli.tag_tables import write_table

    if not run_.done()[0]:
        return
    if settings.format != "parquet":
        write_table(run_, settings.format, job.labels.names)
    if settings.sheet:
        _write_sheet(run_)


def _write_sheet(run_: "LabelRun") -> None:
    from itertools import islice

    from tagalign.atomic import atomic_write
    from tagalign.errors import TagalignError
    from tagalign.export.contact_sheet import contact_sheet
    from tagalign.tasks.label_inputs import open_key
    from tagalign.tasks.photos.rows import read_rows

    pictures = []
    for row in islice(read_rows(run_.parts(), ["key", "tags"]), SHEET_IMAGES):
        try:
            pictures.append((open_key(str(row["key"])), ", ".join(row["tags"]) or "no tag"))  # type: ignore[arg-type]
        except TagalignError:
            continue
    if pictures:
        with atomic_write(run_.folder / "sheet.jpg") as temp:
            contact_sheet(pictures).save(temp, format="JPEG", quality=88)

"""``tagalign tag``: tags for photos, from one to millions, from any list of labels."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.label_flags import PromptFlags
from tagalign.cli.shared.look_flow import AUTO, look_option, refuse_auto, tag_with_auto_look
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.photo_flow import Flow, LabelRunFlags, cache_option, title_of, write_page
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.methods.thresholds import Threshold
    from tagalign.tasks.photos.job import Job, JobSpec
    from tagalign.tasks.photos.run import PhotoRun
    from tagalign.tasks.photos.stream import Answered
    from tagalign.types import Tagging

SHEET_IMAGES = 60
CALIBRATED = "calibrated"
FROM = "from:"
"""Before files of clicks, as ``--threshold``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TagSettings(ModelFlags, PromptFlags, LabelRunFlags):
    """Say which of your labels are in each photo.

    Writes tags.csv (or another format), index.html to check the result quickly, and one Parquet file per 1,000 photos with
    the scores of all labels. A run that was stopped goes on where it was when the same command is given again.
    Example: tagalign tag photos/ --labels "dog,cat,bicycle" --background-words voc --model openai/clip-vit-base-patch16
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("tags")
    """Folder for the results."""
    threshold: str | None = None
    """Which labels are chosen: `relative:0.5`, `absolute:0.3`, `top:5`, `calibrated` (from --labels-file), or
    `from:review.jsonl` (a threshold per label from the clicks of `tagalign app --queue`; several files between commas)."""
    look: str | None = None
    """A look at the folder (from `tagalign look`), or `auto`: score all photos, then tag them against each other."""
    calibrate: Path | None = None
    """Measure a threshold per label on this labelled folder (labels.jsonl, or one folder per label) and save it."""
    format: Literal["csv", "jsonl", "parquet"] = "csv"
    """Of the table; `parquet` are the parts alone."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    sheet: bool = False
    """Also write sheet.jpg: thumbnails of the first 60 photos with their tags."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        if self.look == AUTO:
            refuse_auto(self)
        check_least(self, {"short_side": 1})
        _check_threshold(self.threshold)
        if not self.images and self.calibrate is None:
            raise InputError(
                "give photos to tag: files, folders, patterns, lists, tars, or - for paths on standard input"
            )


def _check_threshold(text: str | None) -> None:
    if text is None or text == CALIBRATED or text.startswith(FROM):
        return
    from tagalign.methods.thresholds import parse_threshold

    parse_threshold(text)


def run(settings: TagSettings) -> int:
    """Calibrate where asked, tag all photos, and write the tables and pages."""
    settings.check_labels()
    from tagalign.tasks.photos.inputs import refuse_missing

    if settings.images:
        refuse_missing(settings.images)
    settings.prompted_labels()  # what was typed wrongly is said before a model is looked for
    spec = _spec(settings)
    from tagalign.tasks.photos.sinks import TagParquet

    warn_tiny(settings.model)
    flow = Flow(
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda _: spec.question.labels.names,  # type: ignore[attr-defined]
        on_done=_print_row if settings.json else None,
        tell=_in_words,
    )
    if settings.look == AUTO:
        tagged, job = tag_with_auto_look(flow, spec, _print_tags if settings.json else None)
    else:
        job = spec.open()
        if settings.calibrate is not None:
            spec, job = _calibrated(settings, settings.calibrate, spec, job)
            if not settings.images:
                return 0
        if (settings.threshold or "").startswith(FROM):
            spec, job = _from_clicks(settings, spec, job)
        tagged = flow.run(spec, job, TagParquet())
    _write_tables(settings, tagged, job)
    if settings.summary:
        write_page(tagged, job, job.labels.names, title_of("Tags", settings.images), order=settings.order)
    return flow.close(tagged, "photo", "tagged in", page=settings.summary)


def _spec(settings: TagSettings) -> "JobSpec":
    facts = settings.job_facts("tag", short_side=settings.short_side, look=look_option(settings.look))
    facts["options"] |= cache_option(settings)
    labels = _asked(settings, facts["method"])
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import TagQuestion

    return JobSpec(
        question=TagQuestion(labels=labels, threshold=_threshold(settings)),
        **facts,
        workers=settings.workers,
        fast_decode=settings.fast_decode,
        disagreement=settings.disagreement,
    )


def _asked(settings: TagSettings, method: str) -> "LabelSet":
    """The labels; background words that would not act are refused where a flag asks for them, else left out."""
    from tagalign.methods.table import background_words_act

    return settings.acting_labels(
        settings.prompted_labels(),
        background_words_act(method, "tag", has_background=False),
        f"method {method!r} scores each label by itself; leave it out, or take a method whose labels compete",
    )


def _threshold(settings: TagSettings) -> "Threshold | None":
    from tagalign.methods.thresholds import parse_threshold
    from tagalign.tasks.calibration import load_calibrated

    if settings.threshold is None:
        return None
    if settings.threshold.startswith(FROM):
        return None  # learned in a moment
    if settings.threshold == CALIBRATED:
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
    from tagalign.tasks.photos.questions import AskedTags, TagQuestion

    labels = job.labels.label_set
    examples = read_examples(folder, labels.names)
    threshold = calibrate(job, examples)
    path = settings.out / "labels.calibrated.json"
    save_calibrated(path, labels, threshold, job.describe())
    found = f"{counted(len(threshold.per_label), 'label')} from {counted(len(examples), 'image')}"
    print(
        f"thresholds of {found} written to {path}; use them with --labels-file {path} --threshold calibrated",
        file=sys.stderr,
    )
    question = TagQuestion(labels=labels, threshold=threshold)
    spec = dataclasses.replace(spec, question=question)
    return spec, spec.asking(AskedTags(question, job.method, job.labels))


def _from_clicks(settings: TagSettings, spec: "JobSpec", job: "Job") -> tuple["JobSpec", "Job"]:
    """The job with thresholds learned from clicks; what stays as it was is said."""
    from tagalign.tasks.photos.questions import AskedTags, TagQuestion
    from tagalign.tasks.review.clicks import read_clicks
    from tagalign.tasks.review.thresholds import learn_thresholds

    paths = [Path(name.strip()) for name in (settings.threshold or "").removeprefix(FROM).split(",")]
    learned = learn_thresholds(job, read_clicks(paths))
    for note in learned.notes:
        print(f"note: {note}", file=sys.stderr)
    found = f"{counted(len(learned.per_label), 'label')} from {counted(learned.photos, 'reviewed photo')}"
    print(f"thresholds of {found}", file=sys.stderr)
    question = TagQuestion(labels=job.labels.label_set, learned=learned.per_label)
    spec = dataclasses.replace(spec, question=question)
    return spec, spec.asking(AskedTags(question, job.method, job.labels))


def _print_row(answered: "Answered") -> None:
    _print_tags(answered.source.key, answered.answer)


def _in_words(answered: "Answered") -> str:
    found = answered.answer
    return ", ".join(f"{found.names[i]} {found.scores[i]:.2f}" for i in found.chosen) or "no tag"


def _print_tags(key: str, tagging: "Tagging") -> None:
    tags = [{"name": tagging.names[i], "score": round(tagging.scores[i], 6)} for i in tagging.chosen]
    scores = {name: round(score, 6) for name, score in zip(tagging.names, tagging.scores, strict=True)}
    print_json({"path": key, "tags": tags, "scores": scores})


def _write_tables(settings: TagSettings, run_: "PhotoRun", job: "Job") -> None:
    from tagalign.cli.shared.tag_tables import write_table

    if not run_.done()[0]:
        return
    if settings.format != "parquet":
        write_table(run_, settings.format, job.labels.names)
    if settings.sheet:
        _write_sheet(run_)


def _write_sheet(run_: "PhotoRun") -> None:
    from itertools import islice

    from tagalign.atomic import atomic_write
    from tagalign.errors import TagalignError
    from tagalign.export.contact_sheet import contact_sheet
    from tagalign.tasks.photos.rows import read_rows
    from tagalign.tasks.photos.tars import source_of
    from tagalign.tasks.photos.walk import SHEET

    pictures = []
    for row in islice(read_rows(run_.parts(), ["key", "tags"]), SHEET_IMAGES):
        try:
            pictures.append((source_of(str(row["key"])).open(), ", ".join(row["tags"]) or "no tag"))  # type: ignore[arg-type]
        except TagalignError:
            continue
    if pictures:
        with atomic_write(run_.folder / SHEET) as temp:
            contact_sheet(pictures).save(temp, format="JPEG", quality=88)

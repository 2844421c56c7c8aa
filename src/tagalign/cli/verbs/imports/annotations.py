"""``tagalign import annotations``: what people corrected in other tools, for review, evaluation and training."""

import dataclasses
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tagalign.cli.shared.bars import RowProgress, progress
from tagalign.cli.shared.flag_values import check_text
from tagalign.cli.shared.label_flags import LabelFlags
from tagalign.cli.shared.model_flags import ModelFlags
from tagalign.cli.shared.output import counted
from tagalign.errors import InputError
from tagalign.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagalign.data.annotations.laid import LaidAnnotations, LaidPhoto
    from tagalign.data.annotations.photo_folder import PhotoFolder
    from tagalign.data.annotations.records import MarkedPhoto
    from tagalign.data.annotations.told import LeftOut
    from tagalign.labels import LabelSet

AnnotationFormat = Literal["auto", "coco", "cvat", "label-studio", "labelme", "table", "voc", "yolo"]
Target = Literal["clicks", "thresholds", "benchmark", "training"]
LEFT_OUT, LABEL_MAP = "left_out.jsonl", "label-map.json"
THRESHOLDS = "labels.calibrated.json"
PER_PHOTO = ("labelme", "table", "yolo")
"""Formats that speak of a photo in a file or lines of its own, and may be silent about one."""
SHOWN_LINES, SHOWN_LABELS = 12, 12
NO_MODEL = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Annotations(ModelFlags, LabelFlags):
    """Annotations of Label Studio, CVAT, labelme, COCO, YOLO, VOC, tables as clicks, thresholds, a benchmark, training data.

    Photos that are not found, shapes that are no region and labels that are none of yours are told, counted, and written
    to OUT/left_out.jsonl. OUT/label-map.json says what each name became: change it and give it again with --label-map.
    Example: tagalign import annotations export.json --photos photos/ --out review
    Example: tagalign import annotations annotations.xml --into benchmark --photos photos/ --out mine
    """

    path: Annotated[Path, tyro.conf.Positional]
    """The file (.json, .xml, .csv, .parquet, data.yaml) or the folder (YOLO, VOC, labelme)."""
    into: Target = "clicks"
    """`clicks`: OUT/review.jsonl, from which --threshold from:OUT/review.jsonl learns; `thresholds`: a label set with them,
    for --threshold calibrated; `benchmark`: a folder for evaluate --data own; `training`: one for train --method trusty."""
    photos: Path | None = None
    """Folder of the photos; by default where the format has them beside the file."""
    read_as: AnnotationFormat = "auto"
    """Format of the annotations; `auto` looks at them."""
    label_map: Path | None = None
    """A mapping that an import wrote: the label of each name, null to leave it out."""
    against: Path | None = None
    """Of clicks: results of tagalign tag or segment about these photos; labels of theirs that are gone were wrong."""
    exif: Literal["auto", "upright", "stored"] = "auto"
    """Whether people drew on upright photos or on pixels as stored; `auto` goes by the size in the file."""
    with_suggestions: bool = False
    """Take photos too that nobody judged, with what a model said about them."""
    missing_is_empty: bool = False
    """Of YOLO, labelme and tables: photos without a file or line hold none of the labels, as those who train YOLO take it;
    without this flag they are left out and counted."""
    out: Path = Path("annotations")
    """Folder for what is written."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("--labels", self.labels)
        if self.labels is not None and self.labels_file is not None:
            raise InputError("give labels with --labels or with --labels-file, not with both")
        if self.against is not None and self.into != "clicks":
            raise InputError("--against: an earlier answer matters to clicks alone; leave it out")
        given = [flag for flag in _fields(ModelFlags) if getattr(self, flag) != _default(flag)]
        if self.into != "thresholds" and given:
            flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in given)
            raise InputError(f"{flags}: thresholds alone ask a model; add --into thresholds")

    def auto_model(self) -> str:
        """Thresholds are those of a model; nothing else asks one."""
        return super().auto_model() if self.into == "thresholds" else NO_MODEL


def _fields(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _default(flag: str) -> object:
    if flag == "model":  # settled as soon as the flags are read
        return NO_MODEL
    return next(field.default for field in dataclasses.fields(ModelFlags) if field.name == flag)


def import_annotations(settings: Annotations) -> int:
    """Read, find the photos, write, and say what was done and what was left out."""
    if not settings.path.exists():
        raise InputError(f"{settings.path}: no such file or folder; expected annotations of another tool")
    from tagalign.data.annotations.laid import NOT_FOUND, LayingRules, lay
    from tagalign.data.annotations.opening import format_of, photos_beside
    from tagalign.data.annotations.photo_folder import PhotoFolder
    from tagalign.tags.label_map import read_label_map, save_label_map

    labels = _labels(settings)
    saved = None if settings.label_map is None else read_label_map(settings.label_map)
    name = format_of(settings.path) if settings.read_as == "auto" else settings.read_as
    if not (settings.path.is_file() or settings.path.is_dir()):
        raise InputError(
            f"{settings.path}: is a pipe or a device; save what comes out of it, then give that file"
        )
    photos = PhotoFolder(settings.photos or photos_beside(settings.path, name))
    if settings.missing_is_empty and name not in PER_PHOTO:
        raise InputError(
            f"--missing-is-empty: {name} lists its photos itself; leave it out ({' and '.join(PER_PHOTO)} need it)"
        )
    rules = LayingRules(
        labels=labels,
        saved=saved,
        exif=settings.exif,
        with_suggestions=settings.with_suggestions,
        missing_is_empty=settings.missing_is_empty,
    )
    with RowProgress("reading annotations") as reading:
        laid = lay(settings.path, name, photos, rules, advance=reading.advance)
    try:
        if not len(laid):
            _say(laid.told)
            hint = (
                f"is --photos {photos.folder} their folder?"
                if NOT_FOUND in laid.told.counts
                else "see the notes"
            )
            raise InputError(f"{settings.path}: none of its photos can be used; {hint}")
        _WRITERS[settings.into](settings, laid, photos, labels)
        save_label_map(settings.out / LABEL_MAP, laid.label_map)
        _write_left_out(settings.out / LEFT_OUT, laid.told)
        _say(laid.told)
    finally:
        laid.close()
    return 0


def _followed(laid: "LaidAnnotations") -> "Iterator[LaidPhoto]":
    return progress(laid, "writing annotations of photos")


def _labels(settings: Annotations) -> "LabelSet | None":
    return settings.label_set() if settings.labels is not None or settings.labels_file is not None else None


def _say(told: "LeftOut") -> None:
    for number, line in enumerate(told.lines()):
        if number == SHOWN_LINES:
            print(f"note: and more, in {LEFT_OUT}", file=sys.stderr)
            return
        print(f"note: {line}", file=sys.stderr)


def _write_left_out(path: Path, told: "LeftOut") -> None:
    from tagalign.atomic import atomic_write

    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        for reason, cases in told.cases.items():
            for photo, detail in cases:
                file.write(json_text({"reason": reason, "photo": photo, "detail": detail}) + "\n")


# --- what becomes of them -------------------------------------------------------------------------------------------


def _clicks(
    settings: Annotations, laid: "LaidAnnotations", photos: "PhotoFolder", labels: "LabelSet | None"
) -> None:
    from tagalign.data.annotations.targets.clicks import answers_of_run, write_clicks
    from tagalign.tasks.review.clicks import REVIEW_FILE

    answers = {} if settings.against is None else answers_of_run(settings.against, photos)
    path = settings.out / REVIEW_FILE
    found = write_clicks(laid, photos.folder, path, given=answers.get, follow=_followed)
    same = f"; {found.repeated:,} more say what stood there before" if found.repeated else ""
    print(f"{counted(found.new, 'click')} written to {path}{same}", file=sys.stderr)
    asked = f"--labels-file {settings.labels_file}" if settings.labels_file else _label_words(laid.labels)
    print(f"try it: tagalign tag {photos.folder} {asked} --threshold from:{path}", file=sys.stderr)


def _label_words(labels: "Sequence[str]") -> str:
    """The flag that asks these labels, where a line of a terminal holds them."""
    if len(labels) > SHOWN_LABELS or any(set(label) & set(',"$`\\') for label in labels):
        return "--labels-file FILE"
    return f'--labels "{",".join(labels)}"'


def _thresholds(
    settings: Annotations, laid: "LaidAnnotations", photos: "PhotoFolder", labels: "LabelSet | None"
) -> None:
    from tagalign.cli.shared.model_flags import warn_tiny
    from tagalign.data.annotations.targets.examples import examples_of
    from tagalign.tags.label_sets import label_set_of
    from tagalign.tasks.calibration import calibrate, save_calibrated
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import TagQuestion

    warn_tiny(settings.model)
    asked = labels or label_set_of(laid.labels, where=str(settings.path))
    examples = examples_of(_followed(laid))
    job = JobSpec(question=TagQuestion(labels=asked), **settings.job_facts("tag")).open()
    threshold = calibrate(job, examples)
    path = settings.out / THRESHOLDS
    save_calibrated(path, job.labels.label_set, threshold, job.describe())
    found = f"{counted(len(threshold.per_label), 'label')} from {counted(len(examples), 'photo')}"
    print(
        f"thresholds of {found} written to {path}; use them with --labels-file {path} --threshold calibrated",
        file=sys.stderr,
    )


def _own_folder(
    settings: Annotations, laid: "LaidAnnotations", photos: "PhotoFolder", labels: "LabelSet | None"
) -> None:
    from tagalign.data.annotations.targets.own_folder import write_own_folder
    from tagalign.labels import Label, LabelSet

    purpose: Literal["benchmark", "training"] = "training" if settings.into == "training" else "benchmark"
    if purpose == "training" and not any(_has_mask(one.marked) for one in laid):
        raise InputError(f"{settings.path}: holds no masks to train on, boxes or tags alone")
    names = labels or LabelSet(name="own", labels=tuple(Label(name=name) for name in laid.labels))
    found = write_own_folder(
        _followed(laid), names, settings.out, purpose, mark=_mark(settings, laid, photos)
    )
    print(
        f"{counted(found.photos, 'photo')}, {found.masks:,} of them with masks, written to {settings.out}",
        file=sys.stderr,
    )
    if purpose == "benchmark":
        data = "own" if found.masks else "own-tags"
        print(f"try it: tagalign evaluate --data {data} --path {settings.out}", file=sys.stderr)
        return
    folders = f"--photos {settings.out / 'photos'} --masks {settings.out / 'masks'}"
    print(
        f"try it: tagalign train --method trusty {folders} --labels-file {settings.out / 'labels.json'}",
        file=sys.stderr,
    )


def _has_mask(marked: "MarkedPhoto") -> bool:
    """Whether a photo that somebody judged has a region whose pixels are known."""
    certain = (one for one in marked.regions if not (one.is_box or one.crowd) and one.label)
    return marked.said_by != "nobody" and any(one.code is not None for one in certain)


def _mark(settings: Annotations, laid: "LaidAnnotations", photos: "PhotoFolder") -> str:
    """Of what decides the content of the folder."""
    facts = [
        str(settings.path.resolve()),
        str(photos.folder.resolve()),
        settings.exif,
        settings.with_suggestions,
        settings.missing_is_empty,
    ]
    text = json_text([*facts, dict(laid.label_map.names), list(laid.labels)])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


_WRITERS = {"clicks": _clicks, "thresholds": _thresholds, "benchmark": _own_folder, "training": _own_folder}

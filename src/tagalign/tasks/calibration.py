"""A threshold per label from a small labelled folder, kept with the label set."""

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.labels import LabelSet
from tagalign.methods.thresholds import Threshold
from tagalign.tags.label_sets import label_set_values
from tagalign.tags.same_label import same_label
from tagalign.tags.text_files import read_text
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.source import PhotoSource

TRUTH_FILE = "labels.jsonl"
MIN_POSITIVES = 3
"""A label with fewer examples, or without a single counterexample, gets the threshold that is best over all labels."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """An image and the labels that are in it."""

    source: PhotoSource
    tags: frozenset[str]


def read_examples(folder: Path, names: Sequence[str]) -> list[Example]:
    """The examples of a folder.

    Args:
        folder: with ``labels.jsonl`` (``{"image": PATH, "tags": [...]}`` per line, paths relative to the folder), or with
            one folder of images per label.
        names: of the labels; case, blanks and the composition of letters do not matter, other tags are left out with
            a warning.

    Raises:
        DataError: if the folder has neither, a line cannot be used, or no image has one of the labels.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; calibration needs labelled images")
    file = folder / TRUTH_FILE
    known = {same_label(name): name for name in names}
    unknown = Counter[str]()
    examples = _from_lines(file, known, unknown) if file.exists() else _from_folders(folder, known, unknown)
    if not examples:
        raise DataError(
            f"{folder}: no labelled image found; expected {TRUTH_FILE} with "
            '{"image": "a.jpg", "tags": ["dog"]} per line, or one folder of images per label, named like it'
        )
    _check_known(folder, examples, unknown, names)
    return examples


def _check_known(
    folder: Path, examples: Sequence[Example], unknown: Counter[str], names: Sequence[str]
) -> None:
    """Say which tags are none of the labels; without a single positive every threshold would be a guess."""
    others = ", ".join(f"{tag!r} ({count} x)" for tag, count in unknown.most_common(5))
    if not any(example.tags for example in examples):
        raise DataError(
            f"{folder}: none of its {len(examples)} images has one of the labels {', '.join(names[:5])}; "
            + (f"its tags are {others}" if unknown else "none has a tag")
        )
    if unknown:
        warnings.warn(
            f"{folder}: {len(unknown)} tags are none of the labels and are left out: {others}", stacklevel=3
        )


def _from_lines(file: Path, known: Mapping[str, str], unknown: Counter[str]) -> list[Example]:
    examples = []
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            image, given = str(row["image"]), row["tags"]
            if not isinstance(given, list):
                raise TypeError(f"tags is a {type(given).__name__}, no list")
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{file}, line {number}: expected {{"image": PATH, "tags": [NAMES]}}, could not read it ({error})'
            ) from error
        path = str(file.parent / image)
        tags = frozenset(known[same_label(str(tag))] for tag in given if same_label(str(tag)) in known)
        unknown.update(str(tag) for tag in given if same_label(str(tag)) not in known)
        examples.append(Example(source=PhotoSource(path=path), tags=tags))
    return examples


def _from_folders(folder: Path, known: Mapping[str, str], unknown: Counter[str]) -> list[Example]:
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    of_folder = {below: _named_by(below.name, known) for below in folders}
    unknown.update(below.name for below, name in of_folder.items() if name is None)
    return [
        Example(source=source, tags=frozenset([name]))
        for name in known.values()
        for below in folders
        if of_folder[below] == name
        for source in Inputs(items=[str(below)])
    ]


def _named_by(folder: str, known: Mapping[str, str]) -> str | None:
    """The label of a folder, whose name may have ``_`` for blanks; None where it is none of them."""
    return known.get(same_label(folder)) or known.get(same_label(folder.replace("_", " ")))


def calibrate(job: Job, examples: Sequence[Example]) -> Threshold:
    """Score the examples and choose the thresholds; images that cannot be read are left out with a warning.

    Raises:
        DataError: if none could be read.
    """
    results = list(zip(examples, job.run(example.source for example in examples), strict=True))
    scored = [
        (answered.answer.scores, example.tags) for example, answered in results if answered.error is None
    ]
    failed = [answered.error for _, answered in results if answered.error is not None]
    if failed and scored:
        warnings.warn(
            f"{len(failed)} of {len(examples)} labelled images cannot be read and are left out: {failed[0]}, ...",
            stacklevel=2,
        )
    if not scored:
        raise DataError(f"none of the {len(examples)} labelled images could be read")
    names = job.labels.names
    scores = [list(row) for row, _ in scored]
    truth = [[name in tags for name in names] for _, tags in scored]
    return best_thresholds(names, scores, truth)


def best_thresholds(
    names: Sequence[str], scores: Sequence[Sequence[float]], truth: Sequence[Sequence[bool]]
) -> Threshold:
    """The threshold of the highest F1 of each label; see ``MIN_POSITIVES`` for labels with few examples.

    Args:
        names: of the labels.
        scores: per image and label.
        truth: likewise.
    """
    pooled = [
        (score, present)
        for row, marks in zip(scores, truth, strict=True)
        for score, present in zip(row, marks, strict=True)
    ]
    # over all labels together: scores of one tagger are on one scale, so it is the best guess for a label without examples
    shared = best_f1_threshold(pooled)
    per_label = {}
    for i, name in enumerate(names):
        pairs = [(row[i], marks[i]) for row, marks in zip(scores, truth, strict=True)]
        positives = sum(present for _, present in pairs)
        enough = MIN_POSITIVES <= positives < len(pairs)
        per_label[name] = best_f1_threshold(pairs) if enough else shared
    return Threshold(kind="calibrated", value=shared, per_label=per_label)


def best_f1_threshold(pairs: Sequence[tuple[float, bool]], weights: Sequence[float] | None = None) -> float:
    """The threshold (chosen at or above it) with the highest F1, half-way to the next lower score; the highest of equals.

    Without positives it is 1: nothing is chosen.

    Args:
        pairs: score, and whether the label is there.
        weights: images that each pair stands for; 1 each by default.

    >>> best_f1_threshold([(0.9, True), (0.5, True), (0.25, False)])
    0.375
    """
    weighted = zip(pairs, weights or [1.0] * len(pairs), strict=True)
    order = sorted(((*pair, weight) for pair, weight in weighted), key=lambda row: -row[0])
    positives = sum(weight for _, present, weight in order if present)
    if not positives:
        return 1.0
    best, threshold, hits, chosen = -1.0, 1.0, 0.0, 0.0
    for count, (score, present, weight) in enumerate(order, start=1):
        hits += weight * present
        chosen += weight
        below = order[count][0] if count < len(order) else 0.0
        if below == score and count < len(order):
            continue  # a threshold cannot part equal scores
        f1 = 2 * hits / (chosen + positives)
        if f1 > best:
            best, threshold = f1, (score + below) / 2
    return threshold


def save_calibrated(path: Path, labels: LabelSet, threshold: Threshold, described: dict[str, object]) -> None:
    """Write the label set with its thresholds and what they were measured with."""
    content = {
        **label_set_values(labels),
        "thresholds": {
            "default": threshold.value,
            "per_label": dict(threshold.per_label),
            "measured_with": described,
        },
    }
    with atomic_write(path) as temp:
        temp.write_text(
            json_text(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
        )


def load_calibrated(path: Path) -> Threshold:
    """The thresholds of a label set that was calibrated.

    Raises:
        InputError: if the file has none.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["thresholds"]
        per_label = {str(name): float(value) for name, value in values["per_label"].items()}
        return Threshold(kind="calibrated", value=float(values["default"]), per_label=per_label)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: expected a label set with thresholds (written by tagalign tag --calibrate DIR), found none ({error})"
        ) from error

"""A result: scores, intervals, and everything that is needed to doubt them; ``result.json`` and a row of a table."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.evaluate.bootstrap import Interval
from tagalign.json_text import json_text

RESULT_FILE = "result.json"

TITLES = {
    "miou": "mIoU", "pixel_accuracy": "pixel acc.", "mean_accuracy": "mean acc.", "miou_seen": "mIoU(S)",
    "miou_unseen": "mIoU(U)", "hiou": "hIoU", "overall_iou": "oIoU", "map": "mAP",
    "map_empty_as_zero": "mAP, empty = 0", "micro_f1": "micro F1", "micro_precision": "micro P",
    "micro_recall": "micro R", "macro_f1": "macro F1", "macro_precision": "macro P", "macro_recall": "macro R",
    "cider": "CIDEr", "rouge_l": "ROUGE-L", "bleu4": "BLEU-4", "bleu1": "BLEU-1", "bleu2": "BLEU-2",
    "bleu3": "BLEU-3", "spice_own": "SPICE (own parser)", "accuracy": "accuracy", "ap": "AP", "ap50": "AP50", "ap75": "AP75",
    "text_recall@1": "TR@1", "text_recall@5": "TR@5", "text_recall@10": "TR@10", "image_recall@1": "IR@1",
    "image_recall@5": "IR@5", "image_recall@10": "IR@10", "ap_small": "AP small", "ap_medium": "AP medium",
    "ap_large": "AP large",
}  # fmt: skip
"""How tables write the metrics."""

SPLIT = ("miou_seen", "miou_unseen", "hiou")


def title(metric: str) -> str:
    """A metric as tables write it."""
    return TITLES.get(metric, metric.replace("precision@", "P@").replace("_", " "))


@dataclass(frozen=True, kw_only=True)
class Result:
    """Scores of one method on one benchmark; all numbers are percent.

    Attributes:
        metrics: by name; the first is the one papers report.
        per_class: numbers by kind and class name; NaN for classes that do not occur.
        intervals: 95 % bootstrap intervals over images, where the metric has one.
        settings: benchmark, split, labels, batch size, protocol and whatever else decides about the numbers.
        model: what the method says about itself.
        scoring: what the stored rows need to be scored again.
        images: how many images were measured.
        expected: how many of ``unit`` there should be; 0 where nobody says.
        counted: how many of ``unit`` were measured.
        unit: ``images``, ``expressions`` or ``questions``.
        versions: of the packages.
        created: time of writing, UTC.
    """

    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    scoring: dict[str, Any] = field(default_factory=dict)
    images: int = 0
    expected: int = 0
    counted: int = 0
    unit: str = "images"
    versions: dict[str, str | None] = field(default_factory=dict)
    created: str = ""

    @property
    def main(self) -> str:
        """Name of the metric that papers report."""
        return next(iter(self.metrics))

    @property
    def value(self) -> float:
        """Value of that metric, percent."""
        return self.metrics[self.main]


def now() -> str:
    """Time as results write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_result(folder: Path, result: Result) -> Path:
    """Write ``result.json``; numbers that are not there (NaN) are null.

    Raises:
        InputError: if the file cannot be written.
    """
    path = folder / RESULT_FILE
    content = {
        "metrics": _plain(result.metrics),
        "intervals": {name: _plain({"low": i.low, "high": i.high}) for name, i in result.intervals.items()},
        "per_class": {kind: _plain(table) for kind, table in result.per_class.items()},
        "settings": result.settings,
        "model": result.model,
        "scoring": result.scoring,
        "versions": result.versions,
        "images": result.images,
        "counted": result.counted,
        "expected": result.expected,
        "unit": result.unit,
        "created": result.created,
    }
    with atomic_write(path) as temp:
        temp.write_text(
            json_text(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
        )
    return path


def _plain(table: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else round(value, 10) for name, value in table.items()}


def read_result(path: Path) -> Result:
    """Read ``result.json``, from the file or its folder.

    Raises:
        DataError: if it is missing or something else.
    """
    path = path / RESULT_FILE if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Result(
            metrics=_numbers(content["metrics"]),
            per_class={kind: _numbers(table) for kind, table in content["per_class"].items()},
            intervals={
                name: Interval(**_numbers(ends)) for name, ends in content.get("intervals", {}).items()
            },
            settings=content["settings"],
            model=content["model"],
            scoring=content.get("scoring", {}),
            images=int(content["images"]),
            expected=int(content.get("expected", 0)),
            counted=int(content.get("counted", content["images"])),
            unit=str(content.get("unit", "images")),
            versions=content.get("versions", {}),
            created=str(content.get("created", "")),
        )
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: no such result; tagalign evaluate --out FOLDER writes result.json there"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: expected a result.json of tagalign evaluate ({type(error).__name__}: {error})"
        ) from error


def _numbers(table: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in table.items()}


def number(value: float, digits: int = 1) -> str:
    """A percent value as tables print it; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def with_interval(result: Result, metric: str, digits: int = 1) -> str:
    """``45.9 [44.8, 47.1]``; without brackets where there is no interval."""
    text = number(result.metrics[metric], digits)
    ends = result.intervals.get(metric)
    return text if ends is None else f"{text} [{number(ends.low, digits)}, {number(ends.high, digits)}]"


def describe_method(result: Result) -> str:
    """Method, profile and model in a few words; a trusty model with the target it was trained on, and how it was asked."""
    model = result.model
    profile = f", {model['profile']}" if model.get("profile") else ""
    trusty = ""
    if "trusty_target" in model:
        trusty = f", {model.get('setting')}, trusty target {model['trusty_target']}, weighting {model.get('weighting')}"
    return f"{model.get('method', '?')}{profile}{trusty} on {model.get('model', '?')}"


def headline(result: Result) -> list[str]:
    """Metrics that a table shows: the first three, and what a method with seen and unseen classes is about."""
    split = SPLIT if "trusty_target" in result.model else ()
    return [*list(result.metrics)[:3], *(name for name in split if name in result.metrics)]


def markdown_table(results: Sequence[Result]) -> str:
    """One line per result: benchmark, method, metrics with intervals, how many images, protocol."""
    metrics = list(dict.fromkeys(name for result in results for name in headline(result)))
    head = ["benchmark", "method", *map(title, metrics), "counted", "labels", "protocol"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * 2 + "--:|" * (len(metrics) + 1) + "---|" * 2]
    for result in results:
        values = [with_interval(result, name) if name in result.metrics else "" for name in metrics]
        of = f" of {result.expected:,}" if result.expected not in {0, result.counted} else ""
        labels = result.settings.get("labels", {})
        drawn = " (drawn copy)" if result.settings.get("drawn_copy") else ""
        cells = [
            f"{result.settings['benchmark']} {result.settings['split']}{drawn}",
            describe_method(result),
            *values,
            f"{result.counted:,}{of} {result.unit}",
            f"{labels['name']} v{labels['version']}" if labels else "",
            str(result.settings.get("protocol") or "method's own"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

"""``tagalign labels import`` and ``overlap``: lists of releases become label sets, and are compared."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.verbs.labels.settings import LabelsSettings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.data.tag_overlap import BenchmarkOverlap
    from tagalign.labels import LabelSet
    from tagalign.tags.overlap import Overlap

TABLE_10 = {"openimages-common": (214, 57_224), "coco2014-tags": (80, 5000), "coco2017-tags": (80, 5000)}
"""Categories and images as the paper prints them."""


def import_list(settings: LabelsSettings) -> int:
    """Read the file of a release and write a label set."""
    from tagalign.atomic import atomic_write
    from tagalign.data.label_lists import import_label_list
    from tagalign.json_text import json_text
    from tagalign.tags.label_sets import label_set_values

    if len(settings.images) != 1:
        raise InputError(
            f"import takes one file, got {len(settings.images)}: "
            f"tagalign labels import {settings.labels} FILE --out labels.json"
        )
    if settings.out is None or settings.out.suffix.lower() != ".json":
        raise InputError(f"--out must name the label set to write, such as {settings.labels}.json")
    path = Path(settings.images[0])
    found = import_label_list(settings.labels, path)
    values = label_set_values(found.labels) | {"source": f"{found.source}; read from {path.name}"}
    with atomic_write(settings.out) as temp:
        temp.write_text(json_text(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if settings.json:
        print_json({"kind": settings.labels, "names": found.names, "labels": len(found.labels)})
    if found.note:
        print(f"note: {found.note}", file=sys.stderr)
    repeats = found.names - len(found.labels)
    tail = f" ({counted(repeats, 'name')} stood there already)" if repeats else ""
    print(
        f"{settings.out} written: {counted(len(found.labels), 'label')}{tail}; {found.source}",
        file=sys.stderr,
    )
    return 0


def print_overlap(settings: LabelsSettings) -> int:
    """How many labels of other lists, and of benchmarks, the first list holds."""
    from tagalign.data.tag_overlap import benchmark_overlap
    from tagalign.tags.label_sets import load_label_set
    from tagalign.tags.overlap import overlap_of_names

    if not settings.images and not settings.benchmarks:
        raise InputError(
            "overlap compares: give other lists behind the first, or a benchmark with --benchmarks NAME=FOLDER"
        )
    own = [word for words in _words(load_label_set(settings.labels)) for word in words]
    opened = [_benchmark(text) for text in settings.benchmarks]
    others = [load_label_set(spec) for spec in settings.images]
    rows = [overlap_of_names(own, _words(labels), name=labels.name) for labels in others]
    benchmarks = [benchmark_overlap(own, data) for data in opened]
    if settings.json:
        for values in [*map(dataclasses.asdict, rows), *map(dataclasses.asdict, benchmarks)]:
            print_json(values)
        return 0
    print("\n\n".join(table for table in (_lists_table(rows), _benchmarks_table(benchmarks)) if table))
    return 0


def _words(labels: "LabelSet") -> list[tuple[str, ...]]:
    """Each label with its other words."""
    return [(label.name, *label.aliases) for label in labels.labels]


def _benchmark(text: str) -> Any:
    from tagalign.data.benchmarks import find_benchmark, open_benchmark

    name, sign, folder = text.partition("=")
    if find_benchmark(name).kind != "tagging":
        raise InputError(
            f"--benchmarks {text}: {name} is no tagging benchmark; tagalign data list shows which are"
        )
    return open_benchmark(name, folder if sign else None)


def _lists_table(rows: "list[Overlap]") -> str:
    """Original and overlapping labels, as Tables 8 and 9 have them, with the paper's own where it has the list."""
    from tagalign.tags.overlap import PUBLISHED

    if not rows:
        return ""
    lines = ["| list | labels | in the first | share | published | missing |", "|---|--:|--:|--:|--:|---|"]
    for row in rows:
        printed = PUBLISHED.get(row.label_set)
        theirs = "" if printed is None else f"{printed[1]:,} of {printed[0]:,}"
        share = f"{row.overlapping / row.original:.1%}"
        counts = f"{row.original:,} | {row.overlapping:,} | {share}"
        lines.append(f"| {row.label_set} | {counts} | {theirs} | {', '.join(row.missing[:5])} |")
    return "\n".join(lines)


def _benchmarks_table(rows: "list[BenchmarkOverlap]") -> str:
    """Categories and images that can be evaluated, as Table 10 has them."""
    if not rows:
        return ""
    lines = [
        "| benchmark | labels | in the first | images | with one of them | published |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        printed = TABLE_10.get(row.benchmark)
        theirs = "" if printed is None else f"{printed[0]} labels, {printed[1]:,} images"
        lines.append(
            f"| {row.benchmark} | {row.original:,} | {row.overlapping:,} | {row.images:,} | {row.labelled:,} | {theirs} |"
        )
    return "\n".join(lines)

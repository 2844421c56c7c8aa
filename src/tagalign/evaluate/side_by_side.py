"""Several results as one table: systems down, benchmarks across, the two averages of the papers, published rows beside.

The averages are those of TagAlign's Table 1: over the benchmarks with a background class, and over those without. A
row has an average where it has every benchmark of that half that the table shows: means over different sets are not
comparable.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tagalign.errors import InputError
from tagalign.evaluate.published.numbers import Published
from tagalign.evaluate.results import Result, describe_method

WITH_BACKGROUND = ("voc21", "context60", "coco-object", "imagenet-s-50", "imagenet-s-300")
WITHOUT_BACKGROUND = ("voc20", "context59", "coco-stuff", "cityscapes", "ade20k")
HALVES = {"mean with background": WITH_BACKGROUND, "mean without background": WITHOUT_BACKGROUND}


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """One system.

    Attributes:
        name: method and model, or a published system.
        post: post-processing, or ``none``.
        source: ``measured``, or the table that a number was published in.
        values: percent, by benchmark.
    """

    name: str
    post: str
    source: str
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """The table.

    Attributes:
        metric: of every number.
        benchmarks: columns, those with a background class first, in the papers' order.
        rows: measured ones first.
    """

    metric: str
    benchmarks: tuple[str, ...]
    rows: tuple[SystemRow, ...]

    def means(self, row: SystemRow) -> dict[str, float]:
        """The averages that the table can show; NaN where a row lacks a benchmark of the half."""
        found = {}
        for name, half in HALVES.items():
            shown = [benchmark for benchmark in self.benchmarks if benchmark in half]
            # the mean of one benchmark is that benchmark: a column that says nothing
            if len(shown) > 1:
                values = [row.values.get(benchmark, math.nan) for benchmark in shown]
                found[name] = sum(values) / len(values)
        return found


def side_by_side(results: Sequence[Result], published: Sequence[Published] = ()) -> SideBySide:
    """Put results, and published numbers of the same metric, into one table.

    Raises:
        InputError: if the results have different main metrics, two of them fill one cell, or no published number has
            the metric.
    """
    metrics = dict.fromkeys(result.main for result in results)
    if len(metrics) != 1:
        raise InputError(
            f"results of different metrics ({', '.join(metrics) or 'none'}) make no table; give one kind"
        )
    metric = next(iter(metrics))
    quoted = [number for number in published if number.metric == metric]
    if published and not quoted:
        raise InputError(
            f"{published[0].table} prints {published[0].metric}, the results are measured in {metric}; choose another table"
        )
    rows = [*_measured(results), *_quoted(quoted)]
    columns = dict.fromkeys(name for row in rows for name in row.values)
    # the order of the papers, so that a row can be laid beside theirs
    order = [*WITH_BACKGROUND, *WITHOUT_BACKGROUND]
    known = [name for name in order if name in columns]
    return SideBySide(
        metric=metric, benchmarks=(*known, *(name for name in columns if name not in order)), rows=tuple(rows)
    )


def _measured(results: Sequence[Result]) -> list[SystemRow]:
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for result in results:
        post = str(result.model.get("refine") or "none")
        column = _column(result)
        row = cells.setdefault((describe_method(result) + _reserve(result), post), {})
        if column in row:
            raise InputError(
                f"two results of {describe_method(result)} on {column}; their settings differ elsewhere: compare the two "
                "alone, or leave one out"
            )
        row[column] = result.value
    return [
        SystemRow(name=name, post=post, source="measured", values=values)
        for (name, post), values in cells.items()
    ]


def _reserve(result: Result) -> str:
    """Why a number is none of the benchmark; it stands behind the system, in a row of its own."""
    why = ["drawn copies"] if result.settings.get("drawn_copy") else []
    limit = result.settings.get("limit")
    if limit is not None:
        why.append(f"first {limit:,} images")
    elif result.expected not in {0, result.counted}:
        why.append(f"{result.counted:,} of {result.expected:,} {result.unit}")
    return f" ({', '.join(why)})" if why else ""


def _column(result: Result) -> str:
    """The benchmark, with its split where that is not the one that papers report."""
    from tagalign.data.benchmarks.catalog import BENCHMARKS

    name, split = str(result.settings["benchmark"]), str(result.settings["split"])
    usual = name in BENCHMARKS and BENCHMARKS[name].default_split == split
    return name if usual else f"{name} {split}"


def _quoted(numbers: Sequence[Published]) -> list[SystemRow]:
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for number in numbers:
        column = f"{number.benchmark} {number.split}" if number.split else number.benchmark
        rows.setdefault((number.row, number.table), {})[column] = number.value
    return [
        SystemRow(
            name=name, post="published" if table.endswith("-post") else "none", source=table, values=values
        )
        for (name, table), values in rows.items()
    ]

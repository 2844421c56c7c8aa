"""Do two results differ beyond noise? A paired bootstrap over the images that both measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import InputError
from tagalign.evaluate.bootstrap import RESAMPLES, Difference, paired_difference
from tagalign.evaluate.ranking import RULE_NAMES
from tagalign.evaluate.results import Result, describe_method, number, read_result, title
from tagalign.evaluate.rows import Row, read_rows
from tagalign.evaluate.score import SCORERS


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two results on the same images.

    Attributes:
        first: the result compared with.
        second: the result in question.
        differences: second minus first by metric, percent points.
        images: how many images both measured.
    """

    first: Result
    second: Result
    differences: dict[str, Difference]
    images: int


def compare_results(first: Path, second: Path, *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare two folders (or their ``result.json``) that ``tagalign evaluate`` wrote.

    Args:
        first: compared with.
        second: in question.
        resamples: drawings of the images.
        seed: of the drawings.

    Raises:
        DataError: if a result or its rows are missing.
        InputError: if they are of different benchmarks, classes or images.
    """
    results = (read_result(first), read_result(second))
    _refuse_different(*results)
    rows = [read_rows(path if path.is_dir() else path.parent) for path in (first, second)]
    keys = [[row["key"] for row in some] for some in rows]
    if keys[0] != keys[1]:
        shared = len(set(keys[0]) & set(keys[1]))
        raise InputError(
            f"the results measured different images ({len(keys[0])} and {len(keys[1])}, {shared} in common); "
            "a paired comparison needs the same ones"
        )
    statistics = [
        SCORERS[r.settings["kind"]](some, r.scoring).statistics for r, some in zip(results, rows, strict=True)
    ]
    if not statistics[0]:
        raise InputError(
            f"results of kind {results[0].settings['kind']!r} have no metric that can be drawn again"
        )
    differences = {
        name: paired_difference(
            statistics[0][name], statistics[1][name], len(keys[0]), resamples=resamples, seed=seed
        )
        for name in statistics[0]
    }
    return Comparison(first=results[0], second=results[1], differences=differences, images=len(keys[0]))


def _refuse_different(first: Result, second: Result) -> None:
    for what in ("kind", "benchmark", "split"):
        a, b = first.settings.get(what), second.settings.get(what)
        if a != b:
            raise InputError(f"cannot compare results of different {what}s: {a!r} and {b!r}")
    # what ranks beside the cosine is a setting to compare, not another question
    a, b = ({k: v for k, v in some.scoring.items() if k not in RULE_NAMES} for some in (first, second))
    if a != b:
        raise InputError("cannot compare results with different classes; evaluate both on the same benchmark")


def changed_settings(comparison: Comparison) -> dict[str, tuple[object, object]]:
    """Settings and facts about the model in which the two results differ."""
    a = comparison.first.settings | {f"model.{k}": v for k, v in comparison.first.model.items()}
    b = comparison.second.settings | {f"model.{k}": v for k, v in comparison.second.model.items()}
    return {
        name: (a.get(name), b.get(name)) for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)
    }


def worst_and_best_classes(comparison: Comparison, *, count: int = 5) -> Sequence[tuple[str, float, float]]:
    """Classes whose number moved most: name, first, second; percent, by falling size of the change."""
    table = next(iter(comparison.first.per_class), None)
    if table is None:
        return []
    a, b = comparison.first.per_class[table], comparison.second.per_class[table]
    rows = [(name, a[name], b[name]) for name in a if name in b and a[name] == a[name] and b[name] == b[name]]
    return sorted(rows, key=lambda row: -abs(row[2] - row[1]))[:count]


def describe_comparison(comparison: Comparison) -> str:
    """The comparison in words and numbers, a few lines."""
    first, second = comparison.first, comparison.second
    lines = [
        f"{first.settings['benchmark']} {first.settings['split']}, {comparison.images:,} images, paired bootstrap",
        f"  A  {describe_method(first)}",
        f"  B  {describe_method(second)}",
    ]
    for name, gap in comparison.differences.items():
        verdict = "beyond noise" if gap.beyond_noise else "within noise"
        lines.append(
            f"  {title(name):<12} A {number(first.metrics[name], 2)}  B {number(second.metrics[name], 2)}  "
            f"B - A {gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}], p = {gap.p:.3f}: {verdict}"
        )
    if moved := worst_and_best_classes(comparison):
        parts = [f"{name} {number(a)} -> {number(b)}" for name, a, b in moved]
        lines.append(f"  classes that moved most: {'; '.join(parts)}")
    if changed := changed_settings(comparison):
        lines.append(f"  differ in: {', '.join(changed)}")
    return "\n".join(lines)


def image_scores(kind: str, rows: Sequence[Row], scoring: dict[str, object]) -> list[float]:
    """The main score of each image on its own, percent; for sorting pictures, never for a table."""
    scores = []
    for row in rows:
        metrics = SCORERS[kind]([row], scoring).metrics
        scores.append(next(iter(metrics.values())))
    return scores

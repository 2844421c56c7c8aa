"""What remains of a tagging benchmark for a model with a tag list of its own (Tag2Text, Table 10)."""

from collections.abc import Iterable
from dataclasses import dataclass

from tagalign.data.benchmarks.records import TaggingSet
from tagalign.tags.overlap import held


@dataclass(frozen=True, slots=True)
class BenchmarkOverlap:
    """One row of the table.

    Attributes:
        benchmark: its name.
        original: labels of the benchmark.
        overlapping: those of them that the list holds; the categories that are evaluated.
        images: of the split.
        labelled: images with at least one overlapping label.
    """

    benchmark: str
    original: int
    overlapping: int
    images: int
    labelled: int


def benchmark_overlap(names: Iterable[str], data: TaggingSet) -> BenchmarkOverlap:
    """Labels of a benchmark that a list of names holds, and the images that show one of them.

    Args:
        names: the list.
        data: the opened benchmark.
    """
    words = [(label.name, *label.aliases) for label in data.labels.labels]
    kept = list(held(names, words))
    labelled = sum(bool((data.truth(i)[kept] == 1).any()) for i in range(len(data)))
    return BenchmarkOverlap(data.name, len(words), len(kept), len(data), labelled)

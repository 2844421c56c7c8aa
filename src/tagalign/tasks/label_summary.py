"""A labelling run at a glance: how often each label was given, how sure the method was, and where to look first."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagalign.ops.masks import expand_runs
from tagalign.tasks.photos.questions import Kind
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.tables import MASKS, TAGS

BINS = 20
"""Of the histograms of [0, 1]."""

UNCERTAIN = 60
"""Images kept for the contact sheet."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """An image that a person should look at."""

    margin: float
    key: str
    tags: tuple[str, ...]


@dataclass(kw_only=True)
class Summary:
    """Counts over a run; memory grows with the number of labels alone.

    Attributes:
        kind: ``tag`` or ``segment``.
        names: of the labels.
        images: that were labelled.
        untagged: images without any label.
        counts: images per label.
        histograms: of each label: scores of all images (``tag``), or its share of the pixels where it occurs (``segment``).
        failed: images that could not be labelled.
    """

    kind: Kind
    names: tuple[str, ...]
    images: int = 0
    untagged: int = 0
    failed: int = 0
    counts: list[int] = field(default_factory=list)
    histograms: list[list[int]] = field(default_factory=list)
    _heap: list[tuple[float, int, Doubt]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places = {name: i for i, name in enumerate(self.names)}
        self.counts = [0] * len(self.names)
        self.histograms = [[0] * BINS for _ in self.names]

    def add(self, row: dict[str, Any]) -> None:
        """Count one row."""
        self.images += 1
        tags = tuple(row["tags"] if self.kind == "tag" else row["names"])
        self.untagged += not tags
        if self.kind == "tag":
            for i, score in enumerate(row["scores"]):
                self.histograms[i][_bin(score)] += 1
            for tag in tags:
                self.counts[self._places[tag]] += 1
        else:
            self._add_shares(row)
        self._keep(Doubt(margin=row["margin"], key=row["key"], tags=tags))

    def _add_shares(self, row: dict[str, Any]) -> None:
        for label, share in row["shares"] if "shares" in row else _shares(row):
            self.counts[label] += 1
            self.histograms[label][_bin(share)] += 1

    def _keep(self, doubt: Doubt) -> None:
        """The images with the smallest margins, in a heap whose top is the clearest of them."""
        entry = (-doubt.margin, -self.images, doubt)
        if len(self._heap) < UNCERTAIN:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def doubts(self) -> list[Doubt]:
        """Least clear images first."""
        return [doubt for _, _, doubt in sorted(self._heap, reverse=True)]


def _shares(row: dict[str, Any]) -> Iterable[tuple[int, float]]:
    pixels = row["size"][0] * row["size"][1]
    for label, code in zip(row["labels"], row["counts"], strict=True):
        yield label, sum(expand_runs(code)[1::2]) / pixels


def _bin(value: float) -> int:
    return min(BINS - 1, max(0, int(value * BINS)))


def summarise(folder: Path, kind: Kind, names: Sequence[str]) -> Summary:
    """Read all parts of a run, of all shards that are there, a thousand rows at a time."""
    summary = Summary(kind=kind, names=tuple(names))
    for row in read_rows(part_files(folder, kind)):
        summary.add(row)
    summary.failed = sum(_lines(sorted((folder / "errors").glob("part-*.jsonl"))))
    return summary


def part_files(folder: Path, kind: Kind) -> list[Path]:
    """All parts of a run, in the order of shards and numbers."""
    return sorted((folder / (TAGS if kind == "tag" else MASKS).folder).glob("part-*.parquet"))


def _lines(paths: Iterable[Path]) -> Iterable[int]:
    for path in paths:
        with path.open("rb") as file:
            yield sum(1 for _ in file)

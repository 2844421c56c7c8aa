"""A labelling run at a glance: how often each label was given, how sure the method was, and where to look first."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.ops.alike import group_alike
from tagalign.ops.masks import expand_runs
from tagalign.tasks.photos.doubts import DOUBTS, DoubtKind, doubt_of
from tagalign.tasks.photos.embeds import read_embeds
from tagalign.tasks.photos.folder_doubts import folder_errors
from tagalign.tasks.photos.questions import QuestionKind
from tagalign.tasks.photos.rows import count_rows, read_rows
from tagalign.tasks.photos.tables import MASKS, TAGS

BINS = 20
"""Of the histograms of [0, 1]."""

UNCERTAIN = 60
"""Images kept for the contact sheet."""
CANDIDATES = 5 * UNCERTAIN
"""Images among which those that are nearly the same are found."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """An image that a person should look at.

    Attributes:
        value: by which it was put in order, as it stands in the results.
        key: of the image.
        tags: that it got.
        embed: of the whole image, where the run kept it.
        alike: images that are nearly the same, among those that come behind it.
    """

    value: float
    key: str
    tags: tuple[str, ...]
    embed: Tensor | None = None
    alike: int = 0


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
        order: by which images are put in order; the first of ``DOUBTS`` that the first row has, unless one is asked for.
        tags: labels that were given, over all images.
    """

    kind: QuestionKind
    names: tuple[str, ...]
    images: int = 0
    untagged: int = 0
    failed: int = 0
    order: DoubtKind | None = None
    tags: int = 0
    counts: list[int] = field(default_factory=list)
    histograms: list[list[int]] = field(default_factory=list)
    _heap: list[tuple[float, int, Doubt]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places = {name: i for i, name in enumerate(self.names)}
        self.counts = [0] * len(self.names)
        self.histograms = [[0] * BINS for _ in self.names]

    def add(self, row: dict[str, Any], embed: Tensor | None = None) -> None:
        """Count one row."""
        self.images += 1
        tags = tuple(row["tags"] if self.kind == "tag" else row["names"])
        self.untagged += not tags
        self.tags += len(tags)
        self.order = self.order or next((name for name in DOUBTS if row.get(name) is not None), None)
        if self.kind == "tag":
            for i, score in enumerate(row["scores"]):
                self.histograms[i][_bin(score)] += 1
            for tag in tags:
                self.counts[self._places[tag]] += 1
        else:
            self._add_shares(row)
        order = self.order
        if order is not None and (height := doubt_of(row, order)) is not None:
            self._keep(height, Doubt(value=row[order], key=row["key"], tags=tags, embed=embed))

    def _add_shares(self, row: dict[str, Any]) -> None:
        for label, share in row["shares"] if "shares" in row else _shares(row):
            self.counts[label] += 1
            self.histograms[label][_bin(share)] += 1

    def _keep(self, height: float, doubt: Doubt) -> None:
        """The images of most doubt, in a heap whose top is the clearest of them."""
        entry = (height, -self.images, doubt)
        if len(self._heap) < CANDIDATES:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def doubts(self) -> list[Doubt]:
        """Least clear images first; of some that are nearly the same, one, with the number of the others."""
        found = [doubt for _, _, doubt in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]
        embeds = [doubt.embed for doubt in found if doubt.embed is not None]
        if len(embeds) < len(found) or not embeds:
            return found[:UNCERTAIN]
        owners = Counter(group_alike(torch.stack(embeds)).tolist())
        return [replace(found[i], alike=owners[i] - 1) for i in sorted(owners)][:UNCERTAIN]


def _shares(row: dict[str, Any]) -> Iterable[tuple[int, float]]:
    pixels = row["size"][0] * row["size"][1]
    for label, code in zip(row["labels"], row["counts"], strict=True):
        yield label, sum(expand_runs(code)[1::2]) / pixels


def _bin(value: float) -> int:
    return min(BINS - 1, max(0, int(value * BINS)))


def summarise(
    folder: Path, kind: QuestionKind, names: Sequence[str], *, order: DoubtKind | None = None
) -> Summary:
    """Read all parts of a run, of all shards that are there, a thousand rows at a time."""
    summary = Summary(kind=kind, names=tuple(names), order=order)
    paths = part_files(folder, kind)
    errors = iter((folder_errors(paths, names) if kind == "tag" and paths else None) or ())
    for path in paths:
        embeds = read_embeds(folder / "embeds" / f"{path.stem}.npy", count_rows([path]))
        for i, row in enumerate(read_rows([path])):
            row["errors"] = next(errors, row.get("errors"))
            summary.add(row, None if embeds is None else embeds[i].clone())
    summary.failed = sum(_lines(sorted((folder / "errors").glob("part-*.jsonl"))))
    return summary


def part_files(folder: Path, kind: QuestionKind) -> list[Path]:
    """All parts of a run, in the order of shards and numbers."""
    return sorted((folder / (TAGS if kind == "tag" else MASKS).folder).glob("part-*.parquet"))


def _lines(paths: Iterable[Path]) -> Iterable[int]:
    for path in paths:
        with path.open("rb") as file:
            yield sum(1 for _ in file)

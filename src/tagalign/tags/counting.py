"""Exact counts of a stream of tags in bounded memory: what does not fit is sorted onto disk and merged at the end."""

import heapq
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from types import TracebackType

MAX_ENTRIES = 2_000_000  # distinct tags held in memory, about 250 MB of Python strings and counts

_Entry = tuple[str, str, int]  # kind, tag, count


class TagCounter:
    """Counts ``(kind, tag)``; use it as a context manager, so that its temporary files go away.

    Args:
        max_entries: distinct tags held in memory before they are written to disk.

    Example:
        >>> with TagCounter() as counter:
        ...     counter.add("object", {"car": 2, "tree": 1})
        ...     counter.add("object", {"car": 1})
        ...     counter.top({"object": 1})
        [('object', 'car', 3)]
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._counts: dict[str, Counter[str]] = {}
        self._runs: list[Path] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "TagCounter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, kind: str, counts: Mapping[str, int] | Iterable[str]) -> None:
        """Add tags, or tags with their counts; a tag holds neither tabs nor line breaks."""
        self._counts.setdefault(kind, Counter()).update(counts)
        if sum(map(len, self._counts.values())) > self._max_entries:
            self._spill()

    def top(self, sizes: Mapping[str, int]) -> list[_Entry]:
        """The most frequent tags of each kind.

        Args:
            sizes: kind -> at most this many tags; the order of the kinds is kept.

        Returns:
            ``(kind, tag, count)``, most frequent first within a kind, ties in alphabetical order.
        """
        best: dict[str, list[_Entry]] = {kind: [] for kind in sizes}
        for kind, entries in itertools.groupby(self._merged(), key=itemgetter(0)):
            if kind in sizes:
                best[kind] = heapq.nsmallest(sizes[kind], entries, key=lambda entry: (-entry[2], entry[1]))
        return [entry for kind in sizes for entry in best[kind]]

    def counts(self, kind: str) -> Iterator[int]:
        """Counts of all tags of a kind, in no useful order (for the frequency curve)."""
        return (count for entry_kind, _, count in self._merged() if entry_kind == kind)

    def _merged(self) -> Iterator[_Entry]:
        streams = [self._sorted(), *map(_read_run, self._runs)]
        for (kind, tag), group in itertools.groupby(heapq.merge(*streams), key=itemgetter(0, 1)):
            yield kind, tag, sum(map(itemgetter(2), group))

    def _sorted(self) -> Iterator[_Entry]:
        for kind in sorted(self._counts):
            yield from ((kind, tag, count) for tag, count in sorted(self._counts[kind].items()))

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="tagalign-counts-")
        path = Path(self._folder.name) / f"run-{len(self._runs)}.tsv"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{kind}\t{tag}\t{count}\n" for kind, tag, count in self._sorted())
        self._runs.append(path)
        self._counts = {}


def _read_run(path: Path) -> Iterator[_Entry]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            kind, tag, count = line.rstrip("\n").split("\t")
            yield kind, tag, int(count)

"""The top-K tags of a corpus, one typed list of objects, attributes, scenes, actions; labels against it."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int

from tagalign.errors import DataError, InputError
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.parses import KINDS, ParsedCaption

DEFAULT_SIZES = {"object": 10_000, "attribute": 10_000}  # Table 5 of the paper: 20,000 tags together


@dataclass(frozen=True, slots=True)
class TagLabels:
    """The positive tags of each caption as index lists (compressed rows, never dense).

    Attributes:
        indptr: caption ``i`` owns ``indices[indptr[i]:indptr[i + 1]]``.
        indices: positions in the vocabulary, ascending within a caption.
    """

    indptr: Int[np.ndarray, " captions_plus_1"]
    indices: Int[np.ndarray, " positives"]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, caption: int) -> Int[np.ndarray, " positives"]:
        """Vocabulary indices of one caption."""
        return self.indices[self.indptr[caption] : self.indptr[caption + 1]]


@dataclass(frozen=True)
class TagVocabulary:
    """An ordered list of tags; kinds stand together, within a kind the most frequent tag comes first.

    Attributes:
        names: the tags, normalised. A name may stand once per kind.
        kinds: one of ``KINDS`` for each name.
        counts: captions of the corpus that have the tag.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _ids(self) -> dict[tuple[str, str], int]:
        return {(k, n): i for i, (k, n) in enumerate(zip(self.kinds, self.names, strict=True))}

    @classmethod
    def count(
        cls, parses: Iterable[ParsedCaption], *, sizes: Mapping[str, int] | None = None
    ) -> "TagVocabulary":
        """Counts tags over a stream of parses and keeps the most frequent of each kind.

        Args:
            parses: read once; tags are normalised on the way.
            sizes: kind -> K, the length of its list; kinds not named get no tags. Defaults to
                10,000 objects and 10,000 attributes.

        Returns:
            The vocabulary. Ties are broken alphabetically. A corpus without tags gives an empty list.

        Raises:
            InputError: if a kind is unknown or a size is negative.
        """
        sizes = DEFAULT_SIZES if sizes is None else sizes
        for kind, size in sizes.items():
            if kind not in KINDS or size < 0:
                raise InputError(f"sizes needs a kind of {KINDS} and a size >= 0, got {kind}={size}")
        counters = {kind: Counter[str]() for kind in KINDS if kind in sizes}
        for parse in parses:
            for kind, counter in counters.items():
                counter.update({t for t in map(normalize_tag, parse.tags(kind)) if t})
        rows = [
            (name, kind, count)
            for kind, counter in counters.items()
            for name, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))[: sizes[kind]]
        ]
        return cls._of(rows)

    @classmethod
    def _of(cls, rows: Sequence[tuple[str, str, int]]) -> "TagVocabulary":
        names, kinds, counts = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(names, kinds, counts)

    def index(self, kind: str, name: str) -> int | None:
        """Position of a tag, or None where the list does not have it."""
        return self._ids.get((kind, normalize_tag(name)))

    def label(
        self, parses: Iterable[ParsedCaption], *, kinds: Sequence[str] = ("object", "attribute")
    ) -> TagLabels:
        """Turns parses into index lists; tags outside the vocabulary are left out.

        Args:
            parses: one per caption.
            kinds: which kinds become labels.

        Returns:
            Index lists in the order of ``parses``; a caption without known tags has an empty row.
        """
        indptr, indices = [0], list[int]()
        for parse in parses:
            found = {self.index(kind, tag) for kind in kinds for tag in parse.tags(kind)}
            indices.extend(sorted(i for i in found if i is not None))
            indptr.append(len(indices))
        return TagLabels(np.array(indptr, dtype=np.int64), np.array(indices, dtype=np.int32))

    def save(self, path: str | Path) -> None:
        """Writes a tab-separated file ``kind, name, count`` that a person can edit."""
        path = Path(path)
        temporary = path.with_name(path.name + ".part")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(("kind", "name", "count"))
            writer.writerows(zip(self.kinds, self.names, self.counts, strict=True))
        temporary.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> "TagVocabulary":
        """Reads what ``save`` wrote.

        Raises:
            DataError: if the file cannot be read or a line is not ``kind, name, count``.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read the vocabulary {path}: {error}") from error
        rows = []
        for number, row in enumerate(csv.reader(lines[1:], delimiter="\t"), start=2):
            if len(row) != 3 or row[0] not in KINDS or not row[2].isdecimal():
                raise DataError(f"{path}:{number}: expected kind<TAB>name<TAB>count, got {row}")
            rows.append((row[1], row[0], int(row[2])))
        return cls._of(rows)

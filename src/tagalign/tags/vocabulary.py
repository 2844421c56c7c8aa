"""The top-K tags of a corpus, one typed list of objects, attributes, scenes, actions; labels against it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int

from tagalign.errors import InputError
from tagalign.tags.counting import TagCounter
from tagalign.tags.normalize import normalize_repeated, normalize_tag
from tagalign.tags.parses import KINDS, ParsedCaption
from tagalign.tags.vocabulary_file import VocabularyEntry, read_entries, write_entries

DEFAULT_SIZES = {"object": 10_000, "attribute": 10_000}  # Table 5 of the paper: 20,000 tags together


@dataclass(frozen=True, slots=True, eq=False)
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

    def frequencies(self, size: int) -> Int[np.ndarray, " tags"]:
        """Captions that have each of the ``size`` tags of the vocabulary."""
        return np.bincount(self.indices, minlength=size).astype(np.int64)


@dataclass(frozen=True)
class TagVocabulary:
    """An ordered list of tags; kinds stand together, within a kind the most frequent tag comes first.

    Attributes:
        names: the tags, normalised. A name may stand once per kind.
        kinds: one of ``KINDS`` for each name.
        counts: captions of the corpus that have the tag or one of its aliases.
        aliases: other tags that count as this one; empty for a vocabulary without merges.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    aliases: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def ids(self) -> dict[tuple[str, str], int]:
        """``(kind, tag or alias, as it stands or in its canonical form) -> position``."""
        ids = {(k, n): i for i, (k, n) in enumerate(zip(self.kinds, self.names, strict=True))}
        for i, words in enumerate(self.aliases):
            for word in words:
                ids.setdefault((self.kinds[i], word), i)
        for (kind, word), i in list(ids.items()):  # a person may have written "Cars"
            if form := normalize_tag(word, kind):
                ids.setdefault((kind, form), i)
        return ids

    @classmethod
    def count(
        cls,
        parses: Iterable[ParsedCaption],
        *,
        sizes: Mapping[str, int] | None = None,
        merges: Mapping[str, str] | None = None,
    ) -> "TagVocabulary":
        """Count tags over a stream of parses and keep the most frequent of each kind.

        Args:
            parses: read once; tags are normalised on the way.
            sizes: kind -> K, the length of its list; kinds not named get no tags. Defaults to
                10,000 objects and 10,000 attributes.
            merges: tag -> the tag it counts as, e.g. ``{"couch": "sofa"}``.

        Returns:
            The vocabulary. Ties are broken alphabetically. A corpus without tags gives an empty list.

        Raises:
            InputError: if a kind is unknown or a size is negative.
        """
        sizes, merges = check_sizes(sizes), normalize_merges(merges)
        with TagCounter() as counter:
            for parse in parses:
                for kind in sizes:
                    tags = {merges.get(tag, tag) for tag in normalized(parse, kind)}
                    counter.add(kind, tags)
            return cls.of(counter.top(sizes), merges=merges)

    @classmethod
    def of(
        cls, entries: Sequence[tuple[str, str, int]], *, merges: Mapping[str, str] | None = None
    ) -> "TagVocabulary":
        """A vocabulary of ``(kind, tag, count)`` in this order; ``merges`` become aliases."""
        kinds, names, counts = zip(*entries, strict=True) if entries else ((), (), ())
        words: dict[str, list[str]] = {}
        for alias, tag in (merges or {}).items():
            words.setdefault(tag, []).append(alias)
        aliases = tuple(tuple(sorted(words.get(name, ()))) for name in names)
        return cls(names, kinds, counts, aliases if any(aliases) else ())

    def index(self, kind: str, name: str) -> int | None:
        """Position of a tag or alias, or None where the list does not have it."""
        return self.ids.get((kind, normalize_tag(name, kind)))

    def label(
        self, parses: Iterable[ParsedCaption], *, kinds: Sequence[str] = ("object", "attribute")
    ) -> TagLabels:
        """Turn parses into index lists; tags outside the vocabulary are left out.

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
        """Write a tab-separated file that a person can edit: ``id, tag, kind, count`` and, with merges, ``aliases``.

        Raises:
            InputError: if the file cannot be written.
        """
        aliases = self.aliases or ((),) * len(self)
        write_entries(path, map(VocabularyEntry, self.names, self.kinds, self.counts, aliases))

    @classmethod
    def load(cls, path: str | Path) -> "TagVocabulary":
        """Read what ``save`` wrote, or a person edited; ids are renumbered by line.

        Tags keep their spelling and match captions in their canonical form: ``Cars`` in the list is ``car`` there.

        Raises:
            DataError: if the file cannot be read, a line is malformed, or a tag stands twice in a kind.
        """
        entries = read_entries(path)
        names, kinds, counts, aliases = zip(*entries, strict=True) if entries else ((), (), (), ())
        return cls(names, kinds, counts, aliases if any(aliases) else ())


def normalized(parse: ParsedCaption, kind: str) -> Iterator[str]:
    """The canonical tags of one kind."""
    return (tag for name in parse.tags(kind) if (tag := normalize_repeated(name, kind)))


def check_sizes(sizes: Mapping[str, int] | None) -> dict[str, int]:
    """The default sizes for None; refuses unknown kinds and negative sizes.

    Raises:
        InputError: if a kind is unknown or a size is negative.
    """
    sizes = DEFAULT_SIZES if sizes is None else sizes
    for kind, size in sizes.items():
        if kind not in KINDS or size < 0:
            raise InputError(f"sizes needs kinds of {', '.join(KINDS)} and sizes >= 0, got {kind}={size}")
    return dict(sizes)


def normalize_merges(merges: Mapping[str, str] | None) -> dict[str, str]:
    """Merges with both sides normalised; a chain ends at its last tag, a tag merged into itself is dropped."""
    clean = {normalize_tag(alias): normalize_tag(tag) for alias, tag in (merges or {}).items()}
    result = {}
    for alias in clean:
        tag, seen = alias, set[str]()
        while tag in clean and tag not in seen:
            seen.add(tag)
            tag = clean[tag]
        if alias and tag and alias != tag:
            result[alias] = tag
    return result

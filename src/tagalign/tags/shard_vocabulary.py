"""Vocabulary, labels and coverage of tag shards on disk: millions of rows, bounded memory, Arrow and numpy inside."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from tagalign.atomic import atomic_write, sweep
from tagalign.errors import DataError, InputError
from tagalign.tags.captions.rows import key_text
from tagalign.tags.counting import TagCounter
from tagalign.tags.manifest import Manifest, source_stamp
from tagalign.tags.normalize import normalize_repeated
from tagalign.tags.parses import FIELD_OF_KIND
from tagalign.tags.row_hashes import caption_hash
from tagalign.tags.shards import read_batches
from tagalign.tags.vocabulary import TagVocabulary, check_sizes, normalize_merges

_BATCH = 65_536  # rows; about 20 MB of tags
_MAX_NAMES = 1_000_000  # canonical forms kept ready, about 200 MB
FEW = 0.01  # share of captions with a tag of the list under which something is likely to be wrong
COVERAGE_SIZES = (2_500, 5_000, 7_500, 10_000, 25_000, 50_000, 100_000)  # the K of the paper's Table 3


def _nothing(rows: int) -> None:
    """Progress that nobody watches."""


def count_shards(
    paths: Iterable[Path],
    *,
    sizes: Mapping[str, int] | None = None,
    merges: Mapping[str, str] | None = None,
    on_progress: Callable[[int], None] = _nothing,
) -> TagVocabulary:
    """``TagVocabulary.count`` over tag shards, exact, in bounded memory.

    Args:
        paths: tag shards; each is read once.
        sizes: kind -> K; see ``TagVocabulary.count``.
        merges: tag -> the tag it counts as.
        on_progress: called with the number of rows that were just read.

    Raises:
        DataError: if a shard cannot be read.
        InputError: if a kind is unknown or a size is negative.
    """
    sizes = check_sizes(sizes)
    with TagCounter() as counter:
        counted = [_Counted(kind, normalize_merges(merges), counter) for kind in sizes]
        for path in paths:
            for batch in read_batches(path, columns=[FIELD_OF_KIND[kind] for kind in sizes], size=_BATCH):
                for one in counted:
                    one.add(batch)
                on_progress(batch.num_rows)
        for one in counted:
            one.hand_over()
        return TagVocabulary.of(counter.top(sizes), merges=normalize_merges(merges))


class _Canonical(dict[str | None, str]):
    """A tag as it was parsed -> the tag it counts as, "" for none. A cache: most tags come again and again."""

    def __init__(self, kind: str, merges: Mapping[str, str]) -> None:
        super().__init__()
        self.kind, self._merges = kind, merges

    def __missing__(self, raw: str | None) -> str:
        if len(self) >= _MAX_NAMES:
            self.clear()
        self[raw] = tag = self.find(raw)
        return tag

    def find(self, raw: str | None) -> str:
        """The tag, which is not kept."""
        tag = normalize_repeated(raw or "", self.kind)
        return self._merges.get(tag, tag)


class _Counted(dict[str | None, int]):
    """A tag as it was parsed -> the number of the tag it counts as, -1 for none; and how often each number came.

    Numbers are counted in an array, batch by batch, and handed over when there are many: by name it took twice as long.
    """

    def __init__(self, kind: str, merges: Mapping[str, str], counter: TagCounter) -> None:
        super().__init__()
        self._canonical = _Canonical(kind, merges)
        self._counter = counter
        self._numbers: dict[str, int] = {}
        self._counts = np.zeros(0, dtype=np.int64)

    def __missing__(self, raw: str | None) -> int:
        tag = self._canonical.find(raw)
        self[raw] = number = self._numbers.setdefault(tag, len(self._numbers)) if tag else -1
        return number

    def add(self, batch: Any) -> None:
        """Count the tags of a batch, each once per row."""
        rows, places, words = _column(batch, self._canonical.kind)
        table = np.fromiter(map(self.__getitem__, words), dtype=np.int64, count=len(words))
        codes = table[places]
        _, codes = _unique_per_row(rows[codes >= 0], codes[codes >= 0], len(self._numbers))
        counts = np.bincount(codes, minlength=len(self._numbers))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        if len(self) >= _MAX_NAMES:
            self.hand_over()

    def hand_over(self) -> None:
        """Give the counts to the counter and begin anew."""
        self._counter.add(self._canonical.kind, dict(zip(self._numbers, self._counts.tolist(), strict=True)))
        self.clear()
        self._numbers.clear()
        self._counts = np.zeros(0, dtype=np.int64)


def _column(
    batch: Any, kind: str
) -> tuple[Int[np.ndarray, " tags"], Int[np.ndarray, " tags"], list[str | None]]:
    """Row, place and words: tag ``i`` of the batch stands in caption ``rows[i]`` and is ``words[places[i]]``."""
    field = FIELD_OF_KIND[kind]
    if field not in batch.schema.names:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, []
    column = batch.column(field).fill_null([])
    lengths = np.diff(column.offsets.to_numpy())
    encoded = column.flatten().dictionary_encode(null_encoding="encode")
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def _tags(
    batch: Any, canonical: _Canonical
) -> tuple[Int[np.ndarray, " tags"], Int[np.ndarray, " tags"], list[str]]:
    """Row, code and names: tag ``i`` of the batch stands in caption ``rows[i]`` and is ``names[codes[i]]``."""
    rows, places, words = _column(batch, canonical.kind)
    names: dict[str, int] = {}
    table = [names.setdefault(tag, len(names)) if tag else -1 for tag in map(canonical.__getitem__, words)]
    codes = np.array(table, dtype=np.int64)[places]
    return rows[codes >= 0], codes[codes >= 0], list(names)


def _unique_per_row(
    rows: Int[np.ndarray, " tags"], codes: Int[np.ndarray, " tags"], size: int
) -> tuple[Int[np.ndarray, " unique"], Int[np.ndarray, " unique"]]:
    """Each code once per row, sorted by row, then code."""
    both = np.sort(rows * max(size, 1) + codes)  # np.unique hashes, which is four times slower here
    both = both[np.append(True, both[1:] != both[:-1])[: len(both)]]
    return both // max(size, 1), both % max(size, 1)


def label_batch(
    batch: Any, vocabulary: TagVocabulary, kinds: Sequence[str]
) -> tuple[Int[np.ndarray, " captions_plus_1"], Int[np.ndarray, " positives"]]:
    """Index lists of a batch of tag rows: ``indptr`` and the sorted vocabulary ``indices``."""
    rows, ids = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for kind in kinds:
        tag_rows, codes, names = _tags(batch, _Canonical(kind, {}))
        known = np.array([vocabulary.ids.get((kind, name), -1) for name in names] or [-1], dtype=np.int64)
        found = known[codes]
        rows.append(tag_rows[found >= 0])
        ids.append(found[found >= 0])
    row, index = _unique_per_row(np.concatenate(rows), np.concatenate(ids), len(vocabulary))
    indptr = np.zeros(batch.num_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=batch.num_rows), out=indptr[1:])
    return indptr, index.astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class LabelSummary:
    """What labelling did.

    Attributes:
        rows: captions.
        labelled: captions with at least one tag of the vocabulary.
        frequencies: captions per tag of the vocabulary.
    """

    rows: int
    labelled: int
    frequencies: Int[np.ndarray, " tags"]


CAPTION_HASH = "caption_hash"
"""Column of label rows that tells the captions of one key apart; see ``row_hashes.caption_hash``."""

LABEL_SCHEMA = pa.schema([("key", pa.string()), ("tags", pa.list_(pa.int32())), (CAPTION_HASH, pa.int64())])


def label_shards(
    paths: Sequence[Path],
    vocabulary: TagVocabulary,
    out_dir: str | Path,
    *,
    kinds: Sequence[str] = ("object", "attribute"),
    overwrite: bool = False,
    on_progress: Callable[[int], None] = _nothing,
) -> LabelSummary:
    """Turn tag shards into label shards: ``key`` and sorted vocabulary ids.

    Also writes ``vocabulary.tsv`` with the counts of these very captions (the frequencies that a balanced loss
    needs). Finished shards of the same vocabulary are kept.

    Args:
        paths: tag shards.
        vocabulary: the ids.
        out_dir: gets one Parquet file per shard.
        kinds: which kinds become labels.
        overwrite: make shards anew that belong to another vocabulary.
        on_progress: called with the number of rows that were just finished.

    Raises:
        DataError: if a shard cannot be read, the folder holds labels of another vocabulary, or no caption has a tag.
        InputError: if two shards would get one name, or labels would replace tags.
    """
    if not len(vocabulary):
        raise DataError("the vocabulary holds no tag")
    out_dir = Path(out_dir)
    settings: dict[str, object] = {"vocabulary": vocabulary_hash(vocabulary), "kinds": list(kinds)}
    manifest = Manifest.open(out_dir / "manifest.json", settings, overwrite=overwrite)
    frequencies = np.zeros(len(vocabulary), dtype=np.int64)
    rows = labelled = 0
    names = _label_names(paths, out_dir)
    sweep(out_dir, [*names.values(), "manifest.json", "vocabulary.tsv", "settings.json"])
    for path, name in names.items():
        source = source_stamp(path)
        if not manifest.is_done(name, source):
            count = _label_shard(path, out_dir / name, vocabulary, kinds)
            manifest.finish(name, source, rows=count, failed=0)
        for batch in pq.ParquetFile(out_dir / name).iter_batches(batch_size=_BATCH):
            column = batch.column("tags")
            frequencies += np.bincount(column.flatten().to_numpy(), minlength=len(vocabulary))
            labelled += int(np.count_nonzero(np.diff(column.offsets.to_numpy())))
            rows += batch.num_rows
            on_progress(batch.num_rows)
    if not labelled:  # or the folder would refuse the list that is mended
        for left in (*names.values(), "manifest.json"):
            (out_dir / left).unlink(missing_ok=True)
    _refuse_nothing(paths, vocabulary, kinds, rows=rows, labelled=labelled)
    recount(vocabulary, frequencies).save(out_dir / "vocabulary.tsv")
    return LabelSummary(rows, labelled, frequencies)


def _label_names(paths: Sequence[Path], out_dir: Path) -> dict[Path, str]:
    """The name of each shard's labels; no two are one, and none is the shard itself."""
    names = {path: f"{path.stem}.parquet" for path in paths}
    owners: dict[str, Path] = {}
    for path, name in names.items():
        if (other := owners.setdefault(name, path)) != path:
            raise InputError(f"{other} and {path} would both become {name}; label one folder at a time")
        if (out_dir / name).resolve() == path.resolve():
            raise InputError(f"the labels would replace the tags {path}; give another --out")
    return names


def _refuse_nothing(
    paths: Sequence[Path], vocabulary: TagVocabulary, kinds: Sequence[str], *, rows: int, labelled: int
) -> None:
    """Labels that hold nothing, or next to nothing, look right; say so with the first words of both sides.

    Raises:
        DataError: if there is no caption, or none has a tag of the list.
    """
    if not rows:
        raise DataError(f"no caption in {', '.join(map(str, paths))[:200]}")
    if labelled >= FEW * rows:
        return
    words = ", ".join(first_tags(paths, kinds)) or "no tag at all"
    message = (
        f"{labelled} of {rows} captions have a tag of the list; the captions say {words}, the list says "
        f"{', '.join(vocabulary.names[:5])}"
    )
    if not labelled:
        raise DataError(message)
    warnings.warn(message, stacklevel=2)


def first_tags(paths: Sequence[Path], kinds: Sequence[str], count: int = 5) -> list[str]:
    """The first tags of shards, to show what is in them."""
    found: dict[str, None] = {}
    for path in paths:
        for batch in read_batches(path, columns=[FIELD_OF_KIND[kind] for kind in kinds], size=_BATCH):
            for kind in kinds:
                found |= dict.fromkeys(_tags(batch, _Canonical(kind, {}))[2])
            if len(found) >= count:
                return list(found)[:count]
    return list(found)


def _label_shard(path: Path, out_path: Path, vocabulary: TagVocabulary, kinds: Sequence[str]) -> int:
    rows = 0
    wanted = ["key", "caption", *(FIELD_OF_KIND[kind] for kind in kinds)]
    with atomic_write(out_path) as temp, pq.ParquetWriter(temp, LABEL_SCHEMA, compression="zstd") as writer:
        for batch in read_batches(path, columns=wanted, size=_BATCH):
            indptr, indices = label_batch(batch, vocabulary, kinds)
            tags = pa.ListArray.from_arrays(pa.array(indptr, pa.int32()), pa.array(indices, pa.int32()))
            columns = [_texts(batch.column("key")), tags, _caption_hashes(batch)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=LABEL_SCHEMA))
            rows += batch.num_rows
    return rows


def _caption_hashes(batch: Any) -> Any:
    """Of a batch of tag rows; nulls where another program wrote no captions."""
    if "caption" not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.int64())
    captions = batch.column("caption").to_pylist()
    return pa.array([None if text is None else caption_hash(text) for text in captions], pa.int64())


def _texts(keys: Any) -> Any:
    """Keys as texts, where another program wrote numbers."""
    return keys if pa.types.is_string(keys.type) else pa.array(map(key_text, keys.to_pylist()), pa.string())


def recount(vocabulary: TagVocabulary, counts: Int[np.ndarray, " tags"]) -> TagVocabulary:
    """The same tags in the same order with other counts."""
    return TagVocabulary(
        vocabulary.names, vocabulary.kinds, tuple(int(n) for n in counts), vocabulary.aliases
    )


def vocabulary_hash(vocabulary: TagVocabulary) -> str:
    """A hash of ids, tags, kinds and aliases; the counts do not matter for labels."""
    digest = hashlib.sha256(repr((vocabulary.names, vocabulary.kinds, vocabulary.aliases)).encode())
    return digest.hexdigest()[:16]


def coverage(
    paths: Iterable[Path],
    vocabulary: TagVocabulary,
    *,
    sizes: Sequence[int] = COVERAGE_SIZES,
    kinds: Sequence[str] = ("object", "attribute"),
) -> dict[str, dict[int, float]]:
    """The share of captions that keep at least one tag when each kind's list is cut to its first K.

    Args:
        paths: tag shards.
        vocabulary: lists at least as long as the largest K (shorter ones simply stop growing).
        sizes: the K.
        kinds: reported one by one, and together as ``"any"``.

    Returns:
        kind -> K -> share in [0, 1]; all 0 without captions.
    """
    ranks = _ranks(vocabulary)
    bounds = sorted(sizes)
    hits = {name: np.zeros(len(bounds), dtype=np.int64) for name in (*kinds, "any")}
    total = 0
    for path in paths:
        for batch in read_batches(path, columns=[FIELD_OF_KIND[kind] for kind in kinds], size=_BATCH):
            best = {kind: _best_rank(batch, kind, vocabulary, ranks) for kind in kinds}
            best["any"] = np.min(list(best.values()), axis=0)
            for name, rank in best.items():
                hits[name] += [np.count_nonzero(rank < bound) for bound in bounds]
            total += batch.num_rows
    return {
        name: {k: int(n) / max(total, 1) for k, n in zip(bounds, found, strict=True)}
        for name, found in hits.items()
    }


def _ranks(vocabulary: TagVocabulary) -> Int[np.ndarray, " tags"]:
    """Position of each tag within its kind."""
    seen: dict[str, int] = {}
    ranks = []
    for kind in vocabulary.kinds:
        ranks.append(seen.get(kind, 0))
        seen[kind] = ranks[-1] + 1
    return np.array([*ranks, np.iinfo(np.int64).max], dtype=np.int64)


def _best_rank(
    batch: Any, kind: str, vocabulary: TagVocabulary, ranks: Int[np.ndarray, " tags_plus_1"]
) -> Int[np.ndarray, " captions"]:
    rows, codes, names = _tags(batch, _Canonical(kind, {}))
    known = np.array([vocabulary.ids.get((kind, name), -1) for name in names] or [-1], dtype=np.int64)
    best = np.full(batch.num_rows, np.iinfo(np.int64).max)
    np.minimum.at(best, rows, ranks[known[codes]])
    return best

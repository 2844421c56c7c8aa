"""Tags of captions by key, for the join with images: 8 bytes a key and 4 bytes a tag, whatever the keys look like.

Keys are held as 64-bit hashes: two of 12 million different keys collide with a probability of 4 in a million. A key may
have several captions (five of an image in COCO): where their tags differ, the caption tells them apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from tagalign.errors import DataError
from tagalign.tags.captions.rows import key_text
from tagalign.tags.row_hashes import caption_hash, hash_of_both, key_hash
from tagalign.tags.shard_vocabulary import CAPTION_HASH
from tagalign.tags.shards import TagRow, read_batches, read_rows, shard_paths
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

LABEL_COLUMNS = ("key", "tags")
Hashes = Int[np.ndarray, " rows"]


class TwoRowsError(DataError):
    """A key that stands twice with different tags, and no captions to tell its rows apart.

    Attributes:
        hash: of the key.
        rows: two of its rows.
    """

    def __init__(self, hash: int, first: Sequence[int], second: Sequence[int], key: str = "a key") -> None:
        super().__init__(
            f"{key} has two tag rows that differ ({list(first)} and {list(second)}) and no two captions to tell them apart; "
            "delete the labels and make them again, or give every one a `key` of its own before it is parsed"
        )
        self.hash, self.rows = hash, (first, second)


class TagTable:
    """Tag ids by key, and by caption where the captions of a key have different tags.

    Args:
        hashes: of the keys.
        labels: one row per hash.
        captions: hashes of the captions; None where they are not known.
        examples: some of the keys, for messages.

    Raises:
        TwoRowsError: if a key, or a key with one caption, stands there twice with different tags.
    """

    def __init__(
        self,
        hashes: Hashes,
        labels: TagLabels,
        *,
        captions: Hashes | None = None,
        examples: Sequence[str] = (),
    ) -> None:
        self.examples = tuple(examples)
        self._labels = labels
        self._sort(hashes)
        torn = self._torn()
        if len(torn) and captions is not None:
            known = hashes.copy()
            for row in np.flatnonzero(np.isin(hashes, torn)).tolist():
                known[row] = hash_of_both(int(hashes[row]), int(captions[row]))
            self._sort(known)
        for place in self._differing().tolist():
            row = int(self._order[place])
            raise TwoRowsError(int(hashes[row]), self._row(place).tolist(), self._row(place + 1).tolist())

    def _sort(self, hashes: Hashes) -> None:
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._order = hashes[order], order

    def _differing(self) -> Int[np.ndarray, " places"]:
        """Places whose row differs from the next one of the same hash."""
        twins = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        differ = [not np.array_equal(self._row(place), self._row(place + 1)) for place in twins.tolist()]
        return twins[np.array(differ, dtype=bool)]

    def _torn(self) -> Hashes:
        """Keys whose rows differ."""
        return np.unique(self._hashes[self._differing()])

    def __len__(self) -> int:
        return len(self._hashes)

    def _row(self, place: int) -> Int[np.ndarray, " tags"]:
        return self._labels.row(int(self._order[place]))

    def find(self, key: str, caption: str) -> list[int] | None:
        """Tag ids of a key, ascending; None where the key, or this caption of it, has no row."""
        found = self._find(hashed := key_hash(key))
        return found if found is not None else self._find(hash_of_both(hashed, caption_hash(caption)))

    def find_hashed(self, key: str, caption: int | None) -> list[int] | None:
        """The same by the hash of the caption; None where it is not known."""
        found = self._find(hashed := key_hash(key))
        return found if found is not None or caption is None else self._find(hash_of_both(hashed, caption))

    def _find(self, wanted: int) -> list[int] | None:
        place = int(np.searchsorted(self._hashes, wanted))
        if place == len(self._hashes) or int(self._hashes[place]) != wanted:
            return None
        return self._row(place).tolist()

    def largest_id(self) -> int:
        """The largest tag id; -1 where there is none."""
        return int(self._labels.indices.max()) if len(self._labels.indices) else -1


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some rows of a shard: their keys, the hashes of their captions (None where unknown), their tags."""

    keys: list[str]
    captions: Hashes | None
    labels: TagLabels


def load_tag_table(
    place: str | Path, vocabulary: TagVocabulary, *, kinds: Sequence[str] = ("object", "attribute")
) -> TagTable:
    """Tag rows (``tagalign parse``) or label rows (``tagalign label``) of a file or folder.

    Args:
        place: Parquet or JSONL, or a folder of such.
        vocabulary: turns the words of tag rows into ids; label rows hold ids of it already.
        kinds: of tags that are kept from tag rows.

    Raises:
        DataError: if a file cannot be read, has no keys, holds ids that the vocabulary does not have, or no tag that it has.
    """
    hashes: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    indices: list[np.ndarray] = []
    captions: list[np.ndarray | None] = []
    examples = list[str]()
    for path in shard_paths(place):
        blocks = _label_blocks(path) if _holds_ids(path) else _tag_blocks(path, vocabulary, kinds)
        for block in blocks:
            examples += block.keys[: 3 - len(examples)]
            hashes.append(np.fromiter(map(key_hash, block.keys), dtype=np.int64, count=len(block.keys)))
            captions.append(block.captions)
            lengths.append(np.diff(block.labels.indptr))
            indices.append(block.labels.indices)
    if not hashes:
        raise DataError(f"{place}: no tag row in it")
    known = [part for part in captions if part is not None]
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    labels = TagLabels(indptr, np.concatenate(indices))
    try:
        table = TagTable(
            np.concatenate(hashes),
            labels,
            captions=np.concatenate(known) if len(known) == len(hashes) else None,
            examples=examples,
        )
    except TwoRowsError as error:
        raise TwoRowsError(error.hash, *error.rows, key=_key_of(place, error.hash)) from error
    if not len(labels.indices):
        raise DataError(
            f"{place}: none of its {len(labels)} rows has a tag of the list ({', '.join(vocabulary.names[:3])}, ...); "
            "were they parsed and labelled for another one?"
        )
    if table.largest_id() >= len(vocabulary):
        raise DataError(
            f"{place}: holds tag id {table.largest_id()}, the vocabulary has {len(vocabulary)} tags; "
            "were the captions labelled with another one?"
        )
    return table


def _key_of(place: str | Path, hash: int) -> str:
    """The key of a hash, found by reading the rows again."""
    for path in shard_paths(place):
        for batch in read_batches(path, columns=["key"]) if not _holds_ids(path) else _key_batches(path):
            for key in _checked_keys(batch.column("key").to_pylist(), path):
                if key_hash(key) == hash:
                    return f"{place}: the key {key!r}"
    return f"{place}: a key"


def _key_batches(path: Path) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(columns=["key"])


def _holds_ids(path: Path) -> bool:
    if path.suffix != ".parquet":
        return False
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({error})") from error
    return set(LABEL_COLUMNS) <= set(schema.names) and pa.types.is_integer(
        _item_type(schema.field("tags").type)
    )


def _item_type(kind: Any) -> Any:
    return kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind


def _label_blocks(path: Path) -> Iterator[_Block]:
    with pq.ParquetFile(path) as file:
        has_captions = CAPTION_HASH in file.schema_arrow.names  # labels of older releases do not
        columns = [*LABEL_COLUMNS, *([CAPTION_HASH] if has_captions else [])]
        for batch in file.iter_batches(columns=columns):
            tags = batch.column("tags")
            lengths = np.asarray(tags.value_lengths().fill_null(0))
            indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            ids = np.asarray(tags.flatten()).astype(np.int32)
            captions = np.asarray(batch.column(CAPTION_HASH).fill_null(0)) if has_captions else None
            yield _Block(
                _checked_keys(batch.column("key").to_pylist(), path), captions, TagLabels(indptr, ids)
            )


def _tag_blocks(path: Path, vocabulary: TagVocabulary, kinds: Sequence[str]) -> Iterator[_Block]:
    block: list[TagRow] = []
    for row in read_rows(path):
        block.append(row)
        if len(block) == 16_384:
            yield _labelled(block, vocabulary, kinds, path)
            block = []
    if block:
        yield _labelled(block, vocabulary, kinds, path)


def _labelled(rows: Sequence[TagRow], vocabulary: TagVocabulary, kinds: Sequence[str], path: Path) -> _Block:
    labels = vocabulary.label((row.parse for row in rows), kinds=kinds)
    captions = np.fromiter((caption_hash(row.caption) for row in rows), dtype=np.int64, count=len(rows))
    return _Block(_checked_keys([row.key for row in rows], path), captions, labels)


def _checked_keys(keys: Iterable[Any], path: Path) -> list[str]:
    texts = [key if isinstance(key, str) else key_text(key) for key in keys]
    if not all(texts):
        raise DataError(f"{path}: every row needs a key, or tags cannot be joined with images")
    return [text for text in texts if text]

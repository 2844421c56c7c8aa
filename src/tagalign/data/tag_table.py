"""Tags of captions by key, for the join with images: 8 bytes a key and 4 bytes a tag, whatever the keys look like.

Keys are held as 64-bit hashes: two of 12 million different keys collide with a probability of 4 in a million. The same key
twice is taken for two captions of one image if their tags agree, and refused otherwise. How letters with accents are
composed does not part keys: file systems and editors compose them differently.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from tagalign.errors import DataError
from tagalign.tags.captions.rows import key_text
from tagalign.tags.shards import read_batches, read_rows, shard_paths
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

LABEL_COLUMNS = ("key", "tags")


class TwoRowsError(DataError):
    """A key that stands twice with different tags.

    Attributes:
        hash: of the key.
        rows: its two rows.
    """

    def __init__(self, hash: int, first: Sequence[int], second: Sequence[int], key: str = "a key") -> None:
        super().__init__(
            f"{key} has two tag rows that differ ({list(first)} and {list(second)}); keys must be unique in a collection: "
            "give every caption a `key` of its own before it is parsed"
        )
        self.hash, self.rows = hash, (first, second)


class TagTable:
    """Tag ids by key.

    Args:
        hashes: of the keys.
        labels: one row per key.
        examples: some of the keys, for messages.

    Raises:
        TwoRowsError: if a key stands there twice with different tags.
    """

    def __init__(
        self, hashes: Int[np.ndarray, " keys"], labels: TagLabels, *, examples: Sequence[str] = ()
    ) -> None:
        self.examples = tuple(examples)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._order, self._labels = hashes[order], order, labels
        for place in np.flatnonzero(self._hashes[1:] == self._hashes[:-1]).tolist():
            if not np.array_equal(self._row(place), self._row(place + 1)):
                raise TwoRowsError(
                    int(self._hashes[place]), self._row(place).tolist(), self._row(place + 1).tolist()
                )

    def __len__(self) -> int:
        return len(self._hashes)

    def _row(self, place: int) -> Int[np.ndarray, " tags"]:
        return self._labels.row(int(self._order[place]))

    def find(self, key: str) -> list[int] | None:
        """Tag ids of a key, ascending; None where the key has no row."""
        wanted = key_hash(key)
        place = int(np.searchsorted(self._hashes, wanted))
        if place == len(self._hashes) or int(self._hashes[place]) != wanted:
            return None
        return self._row(place).tolist()

    def largest_id(self) -> int:
        """The largest tag id; -1 where there is none."""
        return int(self._labels.indices.max()) if len(self._labels.indices) else -1


def key_hash(key: str) -> int:
    """A signed 64-bit number of a key, the same on every machine."""
    whole = key if key.isascii() else unicodedata.normalize("NFC", key)
    return int.from_bytes(hashlib.blake2b(whole.encode(), digest_size=8).digest(), "little", signed=True)


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
    examples = list[str]()
    for path in shard_paths(place):
        blocks = _label_blocks(path) if _holds_ids(path) else _tag_blocks(path, vocabulary, kinds)
        for keys, labels in blocks:
            examples += keys[: 3 - len(examples)]
            hashes.append(np.fromiter(map(key_hash, keys), dtype=np.int64, count=len(keys)))
            lengths.append(np.diff(labels.indptr))
            indices.append(labels.indices)
    if not hashes:
        raise DataError(f"{place}: no tag row in it")
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    labels = TagLabels(indptr, np.concatenate(indices))
    try:
        table = TagTable(np.concatenate(hashes), labels, examples=examples)
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


def _label_blocks(path: Path) -> Iterator[tuple[list[str], TagLabels]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(LABEL_COLUMNS)):
            tags = batch.column("tags")
            lengths = np.asarray(tags.value_lengths().fill_null(0))
            indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            ids = np.asarray(tags.flatten()).astype(np.int32)
            yield _checked_keys(batch.column("key").to_pylist(), path), TagLabels(indptr, ids)


def _tag_blocks(
    path: Path, vocabulary: TagVocabulary, kinds: Sequence[str]
) -> Iterator[tuple[list[str], TagLabels]]:
    block: list[Any] = []
    for row in read_rows(path):
        block.append(row)
        if len(block) == 16_384:
            yield _labelled(block, vocabulary, kinds, path)
            block = []
    if block:
        yield _labelled(block, vocabulary, kinds, path)


def _labelled(
    rows: Sequence[Any], vocabulary: TagVocabulary, kinds: Sequence[str], path: Path
) -> tuple[list[str], TagLabels]:
    labels = vocabulary.label((row.parse for row in rows), kinds=kinds)
    return _checked_keys([row.key for row in rows], path), labels


def _checked_keys(keys: Iterable[Any], path: Path) -> list[str]:
    texts = [key if isinstance(key, str) else key_text(key) for key in keys]
    if not all(texts):
        raise DataError(f"{path}: every row needs a key, or tags cannot be joined with images")
    return [text for text in texts if text]

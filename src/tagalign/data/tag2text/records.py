"""Images with captions and the tag ids of each caption: the JSON of the Tag2Text release, and our Parquet form.

JSON: a list of ``{image_path, caption: [str], parse_label_id: [[int]], union_label_id: [int] (optional)}``.
Parquet: ``key`` string, ``image`` string, ``captions`` list<string>, ``tags`` list<list<int32>>, ``union_tags``
list<int32> or null. Ids are positions in a tag list.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from tagalign.data.json_items import json_items
from tagalign.errors import DataError

MAX_WORDS = 30
PIECE = 8192  # records that are Python objects at a time while a file is read
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("image", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("tags", pa.list_(pa.list_(pa.int32()))),
        ("union_tags", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, kw_only=True)
class TaggedRecord:
    """One image.

    Attributes:
        key: unique in its collection.
        image: path, relative to the file's folder or absolute.
        captions: at least one, as written.
        tags: ids found in each caption; parallel to ``captions``.
        union_tags: ids of the whole image where somebody made them, else None.
    """

    key: str
    image: str
    captions: tuple[str, ...]
    tags: tuple[tuple[int, ...], ...]
    union_tags: tuple[int, ...] | None = None

    def all_tags(self) -> tuple[int, ...]:
        """``union_tags``, or the union over the captions (the paper's tags for fine-tuning), ascending."""
        found = self.union_tags if self.union_tags is not None else [i for row in self.tags for i in row]
        return tuple(sorted(set(found)))


def record_of(row: Mapping[str, Any]) -> TaggedRecord:
    """The record of a row with the columns of ``SCHEMA``."""
    union = row["union_tags"]
    return TaggedRecord(
        key=row["key"],
        image=row["image"],
        captions=tuple(row["captions"]),
        tags=tuple(tuple(ids) for ids in row["tags"]),
        union_tags=None if union is None else tuple(union),
    )


class TaggedRecords(Sequence[TaggedRecord]):
    """Records kept as columns; one becomes an object when it is asked for.

    Attributes:
        folder: relative image paths start here.
    """

    def __init__(self, table: pa.Table, *, folder: Path) -> None:
        self._table = table
        self.folder = folder

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: int) -> TaggedRecord:  # type: ignore[override]  # no slices
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return record_of(self._table.slice(index % len(self), 1).to_pylist()[0])

    def image_path(self, record: TaggedRecord) -> Path:
        """Where the image of a record lies."""
        return self.folder / record.image


class PickedRecords(Sequence[TaggedRecord]):
    """Some records of a collection by their rows: 4 bytes each, nothing is copied."""

    def __init__(self, records: Sequence[TaggedRecord], rows: Int[np.ndarray, " rows"]) -> None:
        self._records, self._rows = records, rows.astype(np.int32)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> TaggedRecord:  # type: ignore[override]  # no slices
        return self._records[int(self._rows[index])]


def read_records(path: str | Path, *, num_tags: int) -> TaggedRecords:
    """Read ``.json`` (release) or ``.parquet``.

    Args:
        path: the file.
        num_tags: length of the tag list; every id must be below.

    Raises:
        DataError: naming the record and what is wrong with it.
    """
    path = Path(path)
    checked = (checked_row(row, f"{path}: record {i}", num_tags) for i, row in enumerate(iter_rows(path)))
    return TaggedRecords(as_table(checked), folder=path.parent)


def as_table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows as columns; never more than a piece of them as Python objects, which take ten times as much."""
    rows, pieces = iter(rows), [SCHEMA.empty_table()]
    while piece := list(islice(rows, PIECE)):
        pieces.append(pa.Table.from_pylist(piece, schema=SCHEMA))
    return pa.concat_tables(pieces)


def iter_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of ``.json`` or ``.parquet`` one by one, not checked yet.

    Raises:
        DataError: if the file or a record of it cannot be read.
    """
    return _read_json(path) if path.suffix == ".json" else _read_parquet(path)


def _read_json(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for index, value in enumerate(json_items(path)):
            yield from_release(value, f"{path}: record {index}")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected the JSON list of a Tag2Text data set ({error})") from error


def from_release(value: Any, place: str, *, key: str | None = None) -> dict[str, Any]:
    """A row of ours from a record of the release.

    Args:
        value: parsed JSON.
        place: of the record, for messages.
        key: of a photo that lies beside the record; its path where None.

    Raises:
        DataError: if a field is missing.
    """
    try:
        captions, image = value["caption"], value["image_path"] if key is None else key
        return {
            "key": str(image),
            "image": str(image),
            # the release's README shows a plain string, its reader wants a list
            "captions": [captions] if isinstance(captions, str) else list(captions),
            "tags": [list(ids) for ids in value["parse_label_id"]],
            "union_tags": None if value.get("union_label_id") is None else list(value["union_label_id"]),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{place}: expected image_path, caption and parse_label_id ({error!r})") from error


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(path) as file:
            if missing := {"key", "image", "captions", "tags"} - set(file.schema_arrow.names):
                raise DataError(
                    f"{path}: the columns {', '.join(sorted(missing))} are missing; see docs/formats.md"
                )
            for batch in file.iter_batches(batch_size=PIECE):
                yield from ({"union_tags": None, **row} for row in batch.to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a Parquet file ({error})") from error


def checked_row(row: dict[str, Any], place: str, num_tags: int) -> dict[str, Any]:
    """The row, if its captions and tags are parallel and its ids point into the list.

    Raises:
        DataError: naming the place and what is wrong.
    """
    if not row["captions"] or len(row["captions"]) != len(row["tags"]):
        raise DataError(
            f"{place} ({row['image']}): expected one list of tag ids per caption, "
            f"got {len(row['captions'])} captions and {len(row['tags'])} lists"
        )
    ids = [i for one in (*row["tags"], row["union_tags"] or []) for i in one]
    if wrong := [i for i in ids if not isinstance(i, int) or not 0 <= i < num_tags]:
        raise DataError(
            f"{place} ({row['image']}): tag id {wrong[0]} is outside the list of {num_tags} tags; "
            "was it labelled with another list?"
        )
    return row


LabelledPair = tuple[str, str, str, Sequence[int]]
"""Key, image, caption and tag ids of one pair."""


def join_labels(pairs: Iterable[LabelledPair]) -> Iterator[TaggedRecord]:
    """Caption-wise rows become image-wise records, in the order in which their images first appear.

    Captions of an image may stand apart, as COCO's do. The key of a record is that of its first caption.
    """
    by_image: dict[str, list[LabelledPair]] = {}
    for pair in pairs:
        by_image.setdefault(pair[1], []).append(pair)
    for image, held in by_image.items():
        yield TaggedRecord(
            key=held[0][0],
            image=image,
            captions=tuple(caption for _, _, caption, _ in held),
            tags=tuple(tuple(ids) for _, _, _, ids in held),
        )


def clean_caption(text: str, *, max_words: int = MAX_WORDS) -> str:
    """Lower case, without ``. ! " ( ) * # : ; ~``, single spaces, at most ``max_words`` words.

    Example:
        >>> clean_caption("A man rides a horse, on the GRASS.")
        'a man rides a horse, on the grass'
    """
    plain = re.sub(r'[.!"()*#:;~]', " ", text.lower())
    return " ".join(re.sub(r"\s{2,}", " ", plain).strip().split(" ")[:max_words])


def multi_hot(ids: Iterable[int], num_tags: int) -> Bool[Tensor, " tags"]:
    """True at the given ids."""
    row = torch.zeros(num_tags, dtype=torch.bool)
    row[list(ids)] = True
    return row

"""Images with captions and the tag ids of each caption: the JSON of the Tag2Text release, and our Parquet form.

JSON: a list of ``{image_path, caption: [str], parse_label_id: [[int]], union_label_id: [int] (optional)}``.
Parquet: ``key`` string, ``image`` string, ``captions`` list<string>, ``tags`` list<list<int32>>, ``union_tags``
list<int32> or null. Ids are positions in a tag list.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Bool
from torch import Tensor

from tagalign.errors import DataError

MAX_WORDS = 30
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
        row = self._table.slice(index % len(self), 1).to_pylist()[0]
        union = row["union_tags"]
        return TaggedRecord(
            key=row["key"],
            image=row["image"],
            captions=tuple(row["captions"]),
            tags=tuple(tuple(ids) for ids in row["tags"]),
            union_tags=None if union is None else tuple(union),
        )

    def image_path(self, record: TaggedRecord) -> Path:
        """Where the image of a record lies."""
        return self.folder / record.image


def read_records(path: str | Path, *, num_tags: int) -> TaggedRecords:
    """Read ``.json`` (release) or ``.parquet``.

    Args:
        path: the file.
        num_tags: length of the tag list; every id must be below.

    Raises:
        DataError: naming the record and what is wrong with it.
    """
    path = Path(path)
    rows = _read_json(path) if path.suffix == ".json" else _read_parquet(path)
    table = pa.Table.from_pylist(
        [_checked(row, i, path, num_tags) for i, row in enumerate(rows)], schema=SCHEMA
    )
    return TaggedRecords(table, folder=path.parent)


def _read_json(path: Path) -> list[dict[str, Any]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected the JSON list of a Tag2Text data set ({error})") from error
    if not isinstance(values, list):
        raise DataError(f"{path}: expected a JSON list of records, got {type(values).__name__}")
    return [_from_release(value, i, path) for i, value in enumerate(values)]


def _from_release(value: Any, index: int, path: Path) -> dict[str, Any]:
    try:
        captions = value["caption"]
        return {
            "key": str(value["image_path"]),
            "image": str(value["image_path"]),
            # the release's README shows a plain string, its reader wants a list
            "captions": [captions] if isinstance(captions, str) else list(captions),
            "tags": [list(ids) for ids in value["parse_label_id"]],
            "union_tags": None if value.get("union_label_id") is None else list(value["union_label_id"]),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: record {index}: expected image_path, caption and parse_label_id ({error!r})"
        ) from error


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a Parquet file ({error})") from error
    if rows and (missing := {"key", "image", "captions", "tags"} - rows[0].keys()):
        raise DataError(f"{path}: the columns {', '.join(sorted(missing))} are missing; see docs/formats.md")
    return [{"union_tags": None, **row} for row in rows]


def _checked(row: dict[str, Any], index: int, path: Path, num_tags: int) -> dict[str, Any]:
    if not row["captions"] or len(row["captions"]) != len(row["tags"]):
        raise DataError(
            f"{path}: record {index} ({row['image']}): expected one list of tag ids per caption, "
            f"got {len(row['captions'])} captions and {len(row['tags'])} lists"
        )
    ids = [i for one in (*row["tags"], row["union_tags"] or []) for i in one]
    if wrong := [i for i in ids if not isinstance(i, int) or not 0 <= i < num_tags]:
        raise DataError(
            f"{path}: record {index} ({row['image']}): tag id {wrong[0]} is outside the list of {num_tags} tags; "
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

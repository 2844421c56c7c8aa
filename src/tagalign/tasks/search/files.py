"""The files of a search index: a folder that grows without being rebuilt.

``index.json`` names the model and the tags; ``part-000000.parquet`` and so on hold ``key`` string, ``embed`` fixed-size
list<float16>, ``tags`` list<int32>, ``scores`` list<float32>. A photo that was added twice is kept once.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.json_text import json_text
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.rankers import RankedPhoto

PART_ROWS = 4096
_SMALL = ["key", "tags.list.element", "scores.list.element"]
# embeddings neither repeat nor shrink: without dictionary and zstd parts are 7 % larger and read in a fifth of the time
WRITTEN: Mapping[str, Any] = {"compression": dict.fromkeys(_SMALL, "zstd"), "use_dictionary": _SMALL}
"""How Parquet keeps the columns of a part."""

IndexRow = tuple[str, RankedPhoto]


def write_part(path: Path, rows: Sequence[IndexRow], dim: int) -> None:
    """Write a part; it appears whole or not at all."""
    with atomic_write(path) as temp:
        pq.write_table(_table(rows, dim), temp, **WRITTEN)


def add_photos(
    folder: Path,
    rows: Iterable[IndexRow],
    *,
    model: Mapping[str, Any],
    tag_names: Sequence[str],
    known: set[str] | None = None,
) -> int:
    """Append photos to an index, or start one; each part file appears whole.

    Args:
        folder: of the index.
        rows: key and embedding of each photo; keys that are there already are left out.
        model: identity of the ranker.
        tag_names: of the ranker.
        known: keys that are there; read from the parts when None.

    Returns:
        Number of photos added.

    Raises:
        DataError: if the index was made by another model, or is damaged.
    """
    head = own_head(folder, model, tag_names)
    known = set(stored_keys(folder)) if known is None else known
    number = len(part_paths(folder))
    added = 0
    for chunk in _chunks(_new(rows, known), PART_ROWS):
        dim = len(chunk[0][1].embed)
        if head is None:
            head = IndexHead(model=model, dim=dim, tag_names=tuple(tag_names))
            head.write(folder)
        if dim != head.dim:
            raise DataError(f"{folder}: holds embeddings of {head.dim} numbers, the new ones have {dim}")
        write_part(folder / f"part-{number:06d}.parquet", chunk, dim)
        number += 1
        added += len(chunk)
    return added


def own_head(folder: Path, model: Mapping[str, Any], tag_names: Sequence[str]) -> IndexHead | None:
    """The head of an index that this model made; None where there is no index.

    Raises:
        DataError: if another model made it, or it is damaged.
    """
    if not (folder / "index.json").exists():
        return None
    head = IndexHead.read(folder)
    if dict(head.model) != json.loads(json_text(dict(model), default=str)) or head.tag_names != tuple(
        tag_names
    ):
        raise DataError(
            f"{folder}: was made with {dict(head.model)} and {len(head.tag_names)} tags, now it is {dict(model)} and "
            f"{len(tag_names)}; use the same model, or another folder"
        )
    return head


def _new(rows: Iterable[IndexRow], known: set[str]) -> Iterator[IndexRow]:
    for key, photo in rows:
        if key not in known:
            known.add(key)
            yield key, photo


def _chunks(rows: Iterator[IndexRow], size: int) -> Iterator[list[IndexRow]]:
    chunk: list[IndexRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _table(rows: Sequence[IndexRow], dim: int) -> pa.Table:
    embeds = torch.stack([photo.embed for _, photo in rows] or [torch.zeros(0)]).half().numpy()
    columns = {
        "key": pa.array([key for key, _ in rows], pa.string()),
        "embed": pa.FixedSizeListArray.from_arrays(pa.array(embeds.reshape(-1)), dim),
        "tags": pa.array([sorted(photo.tags) for _, photo in rows], pa.list_(pa.int32())),
        "scores": pa.array(
            [[photo.tags[i] for i in sorted(photo.tags)] for _, photo in rows], pa.list_(pa.float32())
        ),
    }
    return pa.table(columns)


def part_paths(folder: Path) -> list[Path]:
    """The part files of an index, oldest first."""
    return sorted(folder.glob("part-*.parquet"))


def stored_keys(folder: Path) -> Iterator[str]:
    """Keys of all photos of an index; none when there is no index."""
    for path in part_paths(folder):
        yield from read_part(path, ["key"])["key"].to_pylist()


def read_part(path: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a part file.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return pq.read_table(path, columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({error}); remove it and index its photos again") from error


def read_embeds(path: Path, dim: int) -> Float[Tensor, "photos dim"]:
    """The embeddings of a part file, float16.

    Raises:
        DataError: if it cannot be read, or they have another size than the index says.
    """
    column = read_part(path, ["embed"])["embed"].combine_chunks()
    if not len(column):  # a part whose photos all failed knows no size
        return torch.zeros(0, dim, dtype=torch.float16)
    if column.type != pa.list_(pa.float16(), dim):
        raise DataError(
            f"{path}: expected embeddings of {dim} numbers in float16, found {column.type}; remove it and index its "
            "photos again"
        )
    # copied: torch wants memory that may be written
    return torch.from_numpy(np.array(column.values.to_numpy(zero_copy_only=False))).view(-1, dim)

"""Rows of labelled images in Parquet: tags with all scores, and masks as COCO run-length code."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.arrow_rows import table_from_rows
from tagalign.atomic import atomic_write
from tagalign.labels import Size
from tagalign.methods.thresholds import Threshold
from tagalign.ops.masks import encode_rle
from tagalign.tasks.photos.doubts import mask_doubts, tag_doubts
from tagalign.types import Segmentation, Tagging

TAG_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("size", pa.list_(pa.int32())),
        ("tags", pa.list_(pa.string())),
        ("tag_scores", pa.list_(pa.float32())),
        ("scores", pa.list_(pa.float32())),
        ("margin", pa.float32()),
        ("entropy", pa.float32()),
        ("errors", pa.float32()),
        ("disagreement", pa.float32()),
        ("second_scores", pa.list_(pa.float32())),
    ]
)
"""``tags`` best first; ``scores`` of all labels in the order of the run's labels; then how sure they are, see ``doubts``;
``second_scores`` of another method, where one was asked too (those of the mirrored photo are on the scale of ``scores``).
Runs of older releases have ``margin`` alone."""

MASK_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("size", pa.list_(pa.int32())),
        ("labels", pa.list_(pa.int32())),
        ("names", pa.list_(pa.string())),
        ("counts", pa.list_(pa.binary())),
        ("margin", pa.float32()),
        ("entropy", pa.float32()),
        ("disagreement", pa.float32()),
    ]
)
"""One entry per label that occurs, ``counts`` its compressed run-length code."""


INSTANCE_SCHEMA = pa.schema(
    [
        *MASK_SCHEMA,
        ("instance_labels", pa.list_(pa.int32())),
        ("instance_scores", pa.list_(pa.float32())),
        ("instance_boxes", pa.list_(pa.list_(pa.int32()))),
        ("instance_counts", pa.list_(pa.binary())),
    ]
)
"""The same, and one entry per instance; boxes XYXY in pixels, ends exclusive."""


def tag_row(
    key: str,
    size: Size,
    tagging: Tagging,
    *,
    threshold: Threshold | None = None,
    learned: Mapping[str, float] | None = None,
    second: Tagging | None = None,
) -> dict[str, object]:
    """One row of ``TAG_SCHEMA``; the last three arguments as of ``tag_doubts``."""
    return {
        "key": key,
        "size": list(size),
        "tags": list(tagging.tags),
        "tag_scores": [tagging.scores[i] for i in tagging.chosen],
        "scores": list(tagging.scores),
        **tag_doubts(tagging, threshold=threshold, learned=learned, other=second),
    }


def size_of(row: Mapping[str, Any]) -> Size:
    """Height and width of a row that was read."""
    height, width = row["size"]
    return int(height), int(width)


def mask_row(key: str, found: Segmentation, *, second: Segmentation | None = None) -> dict[str, object]:
    """One row of ``MASK_SCHEMA``."""
    labels = found.labels.cpu()
    present = labels.unique().tolist()
    return {
        "key": key,
        "size": list(labels.shape),
        "labels": present,
        "names": [found.names[i] for i in present],
        "counts": [encode_rle(labels == i) for i in present],
        **mask_doubts(found, other=second),
    }


def instance_columns(found: Segmentation) -> dict[str, object]:
    """The columns that ``INSTANCE_SCHEMA`` has beside ``mask_row``."""
    instances = found.instances or ()
    return {
        "instance_labels": [one.label for one in instances],
        "instance_scores": [one.score for one in instances],
        "instance_boxes": [list(one.box) for one in instances],
        "instance_counts": [encode_rle(one.mask) for one in instances],
    }


def instance_rows(found: Segmentation) -> dict[str, object]:
    """The instances of a row of JSON; nothing where there were none asked for."""
    if found.instances is None:
        return {}
    return {
        "instances": [
            {
                "label": one.label,
                "name": one.name,
                "score": round(one.score, 6),
                "box": list(one.box),
                "area": one.area,
                "counts": encode_rle(one.mask).decode("ascii"),
            }
            for one in found.instances
        ]
    }


def write_rows(path: Path, rows: Sequence[dict[str, object]], schema: pa.Schema) -> None:
    """Write a part; it appears whole or not at all."""
    with atomic_write(path) as temp:
        pq.write_table(table_from_rows(rows, schema), temp, compression="zstd")


def read_rows(paths: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, object]]:
    """Rows of many parts, a thousand in memory at a time."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                yield from batch.to_pylist()


def count_rows(paths: Iterable[Path]) -> int:
    """Number of rows, from the files' footers."""
    return sum(pq.read_metadata(path).num_rows for path in paths)

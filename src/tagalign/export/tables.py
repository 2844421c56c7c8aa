"""Tags as tables: CSV for spreadsheets, Parquet for everything else."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.arrow_rows import table_from_rows
from tagalign.atomic import atomic_write, sweep
from tagalign.export.records import Annotated, tagging_of
from tagalign.tags.cells import file_cell, text_cell

ROWS_PER_GROUP = 10_000
SCHEMA = pa.schema(
    [("image", pa.string()), ("tags", pa.list_(pa.string())), ("scores", pa.list_(pa.float32()))]
)


def write_tags_csv(path: str | Path, images: Iterable[Annotated]) -> int:
    """Write one line per image and chosen tag: ``image,tag,score``, best first; an image without tags has no line.

    Returns:
        The number of lines without the head.
    """
    count, path = 0, Path(path)
    sweep(path.parent, [path.name])
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "tag", "score"])
        for image in images:
            for tag, score in _chosen(image):
                writer.writerow([file_cell(image.file_name), text_cell(tag), f"{score:.6g}"])
                count += 1
    return count


def write_tags_parquet(path: str | Path, images: Iterable[Annotated]) -> int:
    """Write one row per image: ``image``, ``tags`` and their ``scores``, best first; both may be empty.

    Returns:
        The number of rows.
    """
    count, rows, path = 0, iter(images), Path(path)
    sweep(path.parent, [path.name])
    with atomic_write(path) as temp, pq.ParquetWriter(temp, SCHEMA) as writer:
        while chunk := list(islice(rows, ROWS_PER_GROUP)):
            writer.write_table(table_from_rows([_row(image) for image in chunk], SCHEMA))
            count += len(chunk)
    return count


def _row(image: Annotated) -> dict[str, object]:
    chosen = list(_chosen(image))
    return {
        "image": image.file_name,
        "tags": [tag for tag, _ in chosen],
        "scores": [score for _, score in chosen],
    }


def _chosen(image: Annotated) -> Iterator[tuple[str, float]]:
    tagging = tagging_of(image)
    for label in tagging.chosen:
        yield tagging.names[label], tagging.scores[label]

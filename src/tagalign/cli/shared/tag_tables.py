"""The tables of a tag run, from its Parquet parts, one row at a time: CSV for spreadsheets, JSON lines for programs."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.json_text import json_text
from tagalign.tags.cells import file_cell, text_cell

if TYPE_CHECKING:
    from tagalign.tasks.photos.run import PhotoRun


def write_table(run: "PhotoRun", kind: str, names: Sequence[str]) -> Path:
    """Write ``tags.csv`` or ``tags.jsonl`` (with the shard's name where there are several) and return its path."""
    from tagalign.atomic import atomic_write
    from tagalign.tasks.photos.doubts import DOUBTS
    from tagalign.tasks.photos.rows import read_rows

    path = run.own_name("tags", f".{kind}")
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8", newline="") as file:
        if kind == "csv":
            writer = csv.writer(file)
            # tags joined by a bar: a comma may be part of a label
            # behind the labels: older readers take what stands there by its name, and a label may be called margin
            doubts = [f"doubt:{name}" for name in DOUBTS]
            writer.writerow(["key", "tags", *map(text_cell, names), *doubts])
            for row in read_rows(run.parts()):
                writer.writerow(_csv_row(row))
        else:
            for row in read_rows(run.parts()):
                file.write(json_text(_json_row(row, names), ensure_ascii=False) + "\n")
    return path


def _csv_row(row: dict[str, Any]) -> list[str]:
    from tagalign.tasks.photos.doubts import DOUBTS

    doubts = [row.get(name) for name in DOUBTS]
    numbers = ["" if value is None else f"{value:.6g}" for value in [*row["scores"], *doubts]]
    return [file_cell(row["key"]), text_cell("|".join(row["tags"])), *numbers]


def _json_row(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    from tagalign.tasks.photos.doubts import DOUBTS

    tags = [
        {"name": name, "score": round(score, 6)}
        for name, score in zip(row["tags"], row["tag_scores"], strict=True)
    ]
    scores = {name: round(score, 6) for name, score in zip(names, row["scores"], strict=True)}
    return {
        "key": row["key"],
        "size": row["size"],
        "tags": tags,
        "scores": scores,
        **{name: round(row[name], 6) for name in DOUBTS if row.get(name) is not None},
    }

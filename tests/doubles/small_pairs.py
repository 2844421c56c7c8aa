"""Pairs of a few photos and captions, with what trainings want beside them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COLOURS = ("red", "green", "blue", "white", "black", "grey")
VOCABULARY = ["dog\tobject", *(f"{colour}\tattribute" for colour in COLOURS)]


def make_pairs(folder: Path) -> None:
    """Six photos of one colour with captions, tag rows, label rows and a vocabulary."""
    folder.mkdir()
    for name in COLOURS:
        Image.new("RGB", (40, 32), name).save(folder / f"{name}.png")
    pairs = [{"key": name, "image": f"{name}.png", "caption": f"A {name} dog."} for name in COLOURS]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    lines = ["id\ttag\tkind\tcount", *(f"{i}\t{row}\t1" for i, row in enumerate(VOCABULARY))]
    (folder / "vocabulary.tsv").write_text("\n".join(lines) + "\n")
    tags = pa.array([[0, i + 1] for i in range(6)], pa.list_(pa.int32()))
    pq.write_table(pa.table({"key": list(COLOURS), "tags": tags}), folder / "labels.parquet")
    words = pa.list_(pa.string())
    rows = {
        "key": list(COLOURS),
        "caption": [pair["caption"] for pair in pairs],
        "objects": pa.array([["dog"]] * 6, words),
        "attributes": pa.array([[name] for name in COLOURS], words),
    }
    pq.write_table(pa.table(rows), folder / "tags.parquet")

"""`tagalign vocabulary` over generated tag rows: seconds and peak memory. Prints one JSON line.

On a busy machine compare `processor_s`.

Tags follow a Zipf law with a long tail of names that occur once, as on the web, so that the table of counts is large.
Run: python benchmarks/vocabulary.py [--rows 12000000] [--distinct 3000000]
"""

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from process_memory import run_measured

from tagalign.tags.shards import tag_schema

SHARD = 500_000  # rows of a file
SYLLABLES = [a + b for a in "bcdfgklmnprtv" for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "or")]


def names(count: int) -> np.ndarray:
    """``count`` different pronounceable words."""
    table = np.array(SYLLABLES)
    digits = [(np.arange(count) // len(table) ** k) % len(table) for k in range(4)]
    words = table[digits[0]]
    for digit in digits[1:]:
        words = np.char.add(words, table[digit])
    return words


def column(rng: np.random.Generator, rows: int, mean: float, words: np.ndarray) -> pa.ListArray:
    """Lists of tags, Poisson many, Zipf distributed."""
    lengths = rng.poisson(mean, rows)
    ranks = np.minimum((len(words) ** rng.random(int(lengths.sum()))).astype(np.int64), len(words) - 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(words[ranks], pa.string()))


def write(folder: Path, rows: int, distinct: int) -> None:
    """Tag shards with objects and attributes."""
    rng, schema = np.random.default_rng(0), tag_schema(("objects", "attributes"))
    objects, attributes = names(distinct), names(distinct // 10)
    for shard in range(-(-rows // SHARD)):
        size = min(SHARD, rows - shard * SHARD)
        keys = pa.array([f"{shard:03d}-{i:06d}" for i in range(size)])
        columns = [keys, pa.nulls(size, pa.string()), column(rng, size, 3.5, objects)]
        batch = pa.RecordBatch.from_arrays([*columns, column(rng, size, 1.5, attributes)], schema=schema)
        with pq.ParquetWriter(folder / f"{shard:03d}.parquet", schema, compression="zstd") as writer:
            writer.write_batch(batch, row_group_size=65_536)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=12_000_000)
    parser.add_argument("--distinct", type=int, default=3_000_000, help="different object tags")
    parser.add_argument(
        "--report", action="store_true", help="coverage, overlap and plots too: a second pass"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tags, out = Path(name) / "tags", Path(name) / "out"
        tags.mkdir()
        write(tags, given.rows, given.distinct)
        program = [
            sys.executable,
            "-c",
            "import sys; from tagalign.cli.main import main; sys.exit(main(sys.argv[1:]))",
        ]
        flags = ["--out", str(out), "--report" if given.report else "--no-report"]
        cost = run_measured([*program, "vocabulary", str(tags), *flags])
        kept = sum(1 for _ in (out / "vocabulary.tsv").open()) - 1
    line = {
        "rows": given.rows, "distinct": given.distinct, "seconds": round(cost.seconds, 1),
        "processor_s": round(cost.processor_s, 1), "peak_gb": round(cost.memory_gb, 2),
        "rows_per_s": round(given.rows / cost.seconds), "tags_kept": kept, "report": given.report,
        "machine": platform.machine(),
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()

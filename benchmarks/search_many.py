"""Recall, milliseconds and memory of the approximate index against all comparisons; one JSON line.

Embeddings are drawn: centres of 64 latent numbers with noise of the same kind, turned into ``--dim`` numbers with a little
noise of their own. The i-th latent number is ``i^-decay`` wide; 0 makes all equally wide, which cells fit worst. The noise
counts beside centres of width 1. Embeddings of an encoder may be easier or harder.
Parts are written straight, because what is measured is asking; exact and approximate queries take turns in one process,
memory is that of a process each: ``parts`` asks exactly where there is no approximate index, ``exact`` where there is one.
Ten million of 512 numbers take 25 GB of disk; ``--folder`` keeps them for another run.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

from tagalign.tasks.search.approximate import HEAD, build_approximate
from tagalign.tasks.search.files import WRITTEN, IndexHead, part_paths
from tagalign.tasks.search.index import SearchIndex

LATENT, TAGS, CHUNK = 64, 200, 65_536


def drawn(count: int, dim: int, *, noise: float, decay: float, centres: int, seed: int) -> torch.Tensor:
    """Unit embeddings; those of one ``dim`` share centres and directions, whatever the seed."""
    world, own = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    middle = torch.randn(centres, LATENT, generator=world)
    widths = torch.arange(1, LATENT + 1) ** -decay
    turn = F.normalize(widths, dim=0)[:, None] * torch.randn(LATENT, dim, generator=world)
    latent = middle[torch.randint(centres, (count,), generator=own)]
    latent = latent + noise * torch.randn(count, LATENT, generator=own)
    return F.normalize(latent @ turn + 0.1 * torch.randn(count, dim, generator=own), dim=-1)


def write(folder: Path, args: argparse.Namespace) -> None:
    """Parts of many rows with three tags each."""
    folder.mkdir(parents=True)
    names = tuple(f"tag {i}" for i in range(TAGS))
    IndexHead(model={"method": "clip", "model": "drawn"}, dim=args.dim, tag_names=names).write(folder)
    for number, first in enumerate(range(0, args.photos, CHUNK)):
        count = min(CHUNK, args.photos - first)
        embeds = (
            drawn(count, args.dim, noise=args.noise, decay=args.decay, centres=args.centres, seed=1 + number)
            .half()
            .numpy()
        )
        tags = np.random.default_rng(number).integers(TAGS, size=3 * count, dtype=np.int32)
        offsets = np.arange(0, 3 * count + 1, 3, dtype=np.int32)
        scores = np.full(3 * count, 0.8, np.float32)
        columns = {
            "key": pa.array([f"{i:08d}.jpg" for i in range(first, first + count)]),
            "embed": pa.FixedSizeListArray.from_arrays(pa.array(embeds.reshape(-1)), args.dim),
            "tags": pa.ListArray.from_arrays(offsets, tags),
            "scores": pa.ListArray.from_arrays(offsets, scores),
        }
        pq.write_table(pa.table(columns), folder / f"part-{number:06d}.parquet", **WRITTEN)


def memory(folder: Path, approximate: bool, queries: torch.Tensor) -> dict[str, float]:
    """Of a fresh process: seconds to open and of a query; MB after, its own and mapped, which the system may take back."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_asked, (folder, approximate, queries, torch.get_num_threads()))


def _asked(folder: Path, approximate: bool, queries: torch.Tensor, threads: int) -> dict[str, float]:
    torch.set_num_threads(threads)
    before, started = _status(), time.process_time()
    index = SearchIndex.open(folder, approximate=approximate)
    opened = time.process_time()
    for query in queries:
        index.search("", query, count=10)
    asked, after = time.process_time(), _status()
    return {
        "open_cpu_s": round(opened - started, 2),
        "query_cpu_s": round((asked - opened) / len(queries), 3),
        "own_mb": after["RssAnon"] - before["RssAnon"],
        "mapped_mb": after["RssFile"] - before["RssFile"],
    }


def linked(folder: Path, alone: Path) -> Path:
    """The same index without its approximate one."""
    alone.mkdir()
    for path in (folder / "index.json", *part_paths(folder)):
        (alone / path.name).hardlink_to(path)
    return alone


def _status() -> dict[str, int]:
    rows = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {row[0][:-1]: int(row[1]) // 1024 for row in rows if row[0] in {"RssAnon:", "RssFile:"}}


def measure(folder: Path, queries: torch.Tensor) -> dict[str, object]:
    """Recall of ten and of a hundred, with and without tags, and milliseconds of each way: of a processor, by the clock."""
    ways = {"exact": SearchIndex.open(folder), "approximate": SearchIndex.open(folder, approximate=True)}
    for index in ways.values():
        index.search("", queries[0], count=10)
    spent: dict[str, list[float]] = {f"{way}_{clock}_ms": [] for way in ways for clock in ("cpu", "wall")}
    recall: dict[str, list[float]] = {"recall_10": [], "recall_100": [], "recall_10_with_tags": []}
    for query in queries:
        for name, count, tags in (
            ("recall_10", 10, []),
            ("recall_100", 100, []),
            ("recall_10_with_tags", 10, [3, 5]),
        ):
            keys = {}
            for way, index in ways.items():
                started, begun = time.process_time(), time.perf_counter()
                keys[way] = {hit.key for hit in index.search("", query, tags, count=count).hits}
                if name == "recall_10":
                    spent[f"{way}_cpu_ms"].append(1000 * (time.process_time() - started))
                    spent[f"{way}_wall_ms"].append(1000 * (time.perf_counter() - begun))
            recall[name].append(len(keys["exact"] & keys["approximate"]) / count)
    means = {name: round(statistics.mean(values), 4) for name, values in recall.items()}
    return {**means, **{name: round(statistics.median(values), 1) for name, values in spent.items()}}


def built(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    """Parts and an approximate index, where they are not there yet: what they took."""
    if not (folder / "index.json").exists():
        write(folder, args)
    if (folder / HEAD).exists():
        return {}
    started, begun = time.process_time(), time.perf_counter()
    cells = build_approximate(folder)
    spent = {"build_cpu_s": time.process_time() - started, "build_s": time.perf_counter() - begun}
    return {"cells": cells, **{name: round(value, 1) for name, value in spent.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--noise", type=float, default=0.7)
    parser.add_argument("--decay", type=float, default=0.5)
    parser.add_argument("--centres", type=int, default=5_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the index here, or ask the one that is here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    queries = drawn(args.queries, args.dim, noise=args.noise, decay=args.decay, centres=args.centres, seed=0)
    with tempfile.TemporaryDirectory(
        dir=args.folder and args.folder.parent
    ) as temp:  # where links to it can be
        folder = args.folder or Path(temp) / "index"
        row = {name: value for name, value in vars(args).items() if name != "folder"}
        row |= {"benchmark": "search_many", **built(folder, args)}
        sizes = {path.name: path.stat().st_size >> 20 for path in sorted(folder.glob("approximate.*"))}
        row["disk_mb"] = {"parts": sum(p.stat().st_size for p in part_paths(folder)) >> 20, **sizes}
        row["approximate"] = memory(folder, True, queries)
        row["exact"] = memory(folder, False, queries)
        row["parts"] = memory(linked(folder, Path(temp) / "parts"), False, queries[:2])
        row |= measure(folder, queries)
    print(json.dumps(row))


if __name__ == "__main__":
    main()

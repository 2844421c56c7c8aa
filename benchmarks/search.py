"""Milliseconds per query over a large index in a running process, exactness, and the cost of adding; one JSON line."""

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

from tagalign.tasks.search.files import add_photos, part_paths
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import RankedPhoto

MODEL = {"method": "clip", "model": "random", "weight_hash": "none"}
TAGS = 200


def photos(count: int, dim: int, *, start: int = 0) -> Iterator[tuple[str, RankedPhoto]]:
    """Random unit embeddings with three tags each."""
    generator = torch.Generator().manual_seed(start)
    for first in range(0, count, 4096):
        size = min(4096, count - first)
        embeds = F.normalize(torch.randn(size, dim, generator=generator), dim=-1)
        tags = torch.randint(TAGS, (size, 3), generator=generator).tolist()
        for i in range(size):
            yield (
                f"{start + first + i:08d}.jpg",
                RankedPhoto(embed=embeds[i], tags=dict.fromkeys(tags[i], 0.8)),
            )


def add(folder: Path, rows: Iterator[tuple[str, RankedPhoto]]) -> float:
    """Add photos; seconds."""
    started = time.perf_counter()
    add_photos(folder, rows, model=MODEL, tag_names=[f"tag {i}" for i in range(TAGS)])
    return time.perf_counter() - started


def digest(folder: Path) -> str:
    """One hash over all part files."""
    whole = hashlib.sha256()
    for path in part_paths(folder):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def exact(index: SearchIndex, query: torch.Tensor, tags: list[int], count: int) -> bool:
    """The same photos as a float64 sort of all of them, up to scores that agree in float32."""
    scores = index.embeds.double() @ query.double()
    for tag in tags:
        rows, probs = index.by_tag[tag]
        scores[torch.from_numpy(rows)] += 0.3 / len(tags) * torch.from_numpy(probs).double()
    best = scores.sort(descending=True, stable=True).values[:count]
    found = index.search("", query, tags, count=count, tag_weight=0.3)
    return all(abs(hit.score - float(s)) < 1e-5 for hit, s in zip(found.hits, best, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.perf_counter if args.clock == "wall" else time.process_time
    generator = torch.Generator().manual_seed(99)
    queries = F.normalize(torch.randn(args.queries, args.dim, generator=generator), dim=-1)
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp) / "index"
        build_s = add(folder, photos(args.photos, args.dim))
        before = {path.name: path.stat().st_mtime_ns for path in part_paths(folder)}
        add_s = add(folder, photos(100, args.dim, start=10_000_000))
        untouched = all((folder / name).stat().st_mtime_ns == stamp for name, stamp in before.items())
        again = Path(temp) / "again"
        add(again, photos(args.photos, args.dim))
        add(again, photos(100, args.dim, start=10_000_000))
        identical = digest(folder) == digest(again)
        started = time.perf_counter()
        index = SearchIndex.open(folder)
        open_s = time.perf_counter() - started
        index.search("", queries[0], [1, 2], count=10)
        times = []
        for query in queries:
            started = clock()
            index.search("", query, [3, 5], count=10)
            times.append(1000 * (clock() - started))
        row = {
            "benchmark": "search",
            "photos": len(index),
            "dim": args.dim,
            "threads": args.threads,
            "clock": args.clock,
            "ms_per_query_median": round(statistics.median(times), 2),
            "ms_per_query_min": round(min(times), 2),
            "exact": all(exact(index, query, [3, 5], 10) for query in queries[:5]),
            "identical_when_built_twice": identical,
            "old_parts_untouched_when_adding": untouched,
            "build_s": round(build_s, 2),
            "add_100_s": round(add_s, 2),
            "open_s": round(open_s, 2),
        }
    print(json.dumps(row))


if __name__ == "__main__":
    main()

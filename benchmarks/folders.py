"""``tag``, ``segment --rle``, ``look`` and ``search index`` over many photos: memory, rate, kill -9 in between.

Each verb is killed once a third of its parts is written, then started again. One JSON line per verb: resident megabytes at a
tenth, a half and the end of the photos, photos a second (start of the process included), rows missing or twice, and parts
that the second start wrote again, of which there may be none. Photos are hard links to drawn scenes, the model is a small
random CLIP: what is measured is the road, not the encoder.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from label_many import make_photos, resident_mb

from tagalign.testing.clip_folder import make_clip_folder

PLACES = {"tag": "tags", "segment": "masks", "look": "scores", "search index": ""}
"""Folder of the parts of each verb; those of an index lie in its own."""
MARKS = (0.1, 0.5, 1.0)


def command(verb: str, photos: Path, out: Path, model: Path, args: argparse.Namespace) -> list[str]:
    words = ["--model", model, "--batch-size", args.batch_size, "--part-size", args.part_size]
    words += ["--index" if verb == "search index" else "--out", out]
    if verb != "search index":
        words += ["--labels", "dog,cat,tree,house", "--templates", "1", "--no-cache"]
    words += {"segment": ["--rle"], "search index": ["--method", "clip"]}.get(verb, [])
    return [sys.executable, "-m", "tagalign.cli.main", *verb.split(), str(photos), *map(str, words)]


def parts(out: Path, verb: str) -> list[Path]:
    return sorted((out / PLACES[verb]).glob("part-*.parquet"))


def watch(
    words: list[str], out: Path, verb: str, total: int, kill_at: float | None = None
) -> list[tuple[float, float]]:
    """Share of the parts that are written and resident megabytes, until the process ends or is killed."""
    seen: list[tuple[float, float]] = []
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        memory, share = resident_mb(process.pid), len(parts(out, verb)) / total
        seen += [] if memory is None else [(share, memory)]
        if kill_at is not None and share >= kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return seen
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"{verb} ended with {process.returncode}")
    return seen


def at_marks(seen: list[tuple[float, float]]) -> dict[str, int]:
    """The largest value up to each mark, since the mark before: a growth cannot hide between two samples."""
    found, before = {}, -1.0
    for mark in MARKS:
        values = [memory for share, memory in seen if before < share <= mark]
        found[f"{round(100 * mark)} %"] = round(max(values, default=0))
        before = mark
    return found


def measure(verb: str, root: Path, model: Path, args: argparse.Namespace) -> dict[str, object]:
    out = root / verb.replace(" ", "_")
    words = command(verb, root / "photos", out, model, args)
    total = -(-args.photos // args.part_size)
    started = time.perf_counter()
    first = watch(words, out, verb, total, kill_at=1 / 3)
    before = {path: path.stat().st_mtime_ns for path in parts(out, verb)}
    second = watch(words, out, verb, total)
    seconds = time.perf_counter() - started
    keys: Counter[str] = Counter()
    for path in parts(out, verb):
        keys.update(pq.read_table(path, columns=["key"])["key"].to_pylist())
    return {
        "benchmark": "folders",
        "verb": verb,
        "photos": args.photos,
        "photos_per_s": round(args.photos / seconds, 1),
        "mb_before_kill": at_marks(first),
        "mb_after_kill": at_marks(second),
        "missing": args.photos - len(keys),
        "twice": sum(keys.values()) - len(keys),
        "kept_parts": len(before),
        "written_again": sum(path.stat().st_mtime_ns != when for path, when in before.items()),
        "cpus": os.cpu_count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--part-size", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--verbs", nargs="+", choices=list(PLACES), default=list(PLACES))
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="folders_"))
    try:
        model = make_clip_folder(root / "model")
        make_photos(root / "photos", args.photos)
        for verb in args.verbs:
            print(json.dumps(measure(verb, root, Path(model), args)), flush=True)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()

"""100,000 copies of small images through ``tagalign tag --shard``, with kill -9 in between: complete, none twice, flat.

Prints one JSON line: images, seconds, images per second, the resident memory of the process early and late, and what the
check found. The images are hard links to a few drawn scenes; by default the model is a small random CLIP, because the
pipeline is what is measured.
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
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.tasks.label_summary import part_files
from tagalign.tasks.photos.rows import read_rows
from tagalign.testing.clip_folder import make_clip_folder

ORIGINALS = 200
PER_FOLDER = 1000


def make_photos(folder: Path, count: int) -> None:
    """Hard links, a thousand per folder."""
    originals = folder.parent / "originals"
    originals.mkdir(parents=True)
    for i, scene in enumerate(TinyWorld(seed=0, split="bench", size=40).take(ORIGINALS)):
        Image.fromarray(scene.image).save(originals / f"{i}.png")
    for i in range(count):
        below = folder / f"{i // PER_FOLDER:04d}"
        if i % PER_FOLDER == 0:
            below.mkdir(parents=True)
        os.link(originals / f"{i % ORIGINALS}.png", below / f"{i:06d}.png")


def command(photos: Path, out: Path, model: str, shard: str, settings: argparse.Namespace) -> list[str]:
    flags = {
        "--labels": "dog,cat,tree,house",
        "--templates": "1",
        "--model": model,
        "--out": out,
        "--shard": shard,
        "--batch-size": settings.batch_size,
        "--part-size": settings.part_size,
        "--format": "parquet",
        "--device": settings.device,
    }
    words = [str(word) for pair in flags.items() for word in pair]
    return [sys.executable, "-m", "tagalign.cli.main", "tag", str(photos), *words, "--no-cache"]


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process; None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def watch(process: subprocess.Popen[bytes], out: Path, every_s: float = 1.0) -> Iterator[tuple[int, float]]:
    """Finished parts and resident megabytes, until the process ends."""
    while process.poll() is None:
        memory = resident_mb(process.pid)
        if memory is not None:
            yield len(part_files(out, "tag")), memory
        time.sleep(every_s)


def run_shard(words: list[str], out: Path, *, kill_after: int | None) -> list[tuple[int, float]]:
    """Run a shard; kill it once so many new parts are there, and start it again."""
    before = len(part_files(out, "tag"))
    samples: list[tuple[int, float]] = []
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    for parts, memory in watch(process, out):
        samples.append((parts, memory))
        if kill_after is not None and parts - before >= kill_after:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return samples + run_shard(words, out, kill_after=None)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}")
    return samples


def main() -> None:
    """Make the images, run all shards with one kill each, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--part-size", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="", help="a random small CLIP where none is given")
    settings = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="label_many_"))
    try:
        model = settings.model or str(make_clip_folder(root / "model"))
        photos, out = root / "photos", root / "out"
        make_photos(photos, settings.images)
        start = time.perf_counter()
        per_shard = settings.images // settings.shards // settings.part_size
        samples = [
            run_shard(
                command(photos, out, model, f"{i}/{settings.shards}", settings),
                out,
                kill_after=max(1, per_shard // 2),
            )
            for i in range(settings.shards)
        ]
        seconds = time.perf_counter() - start
        keys = [str(row["key"]) for row in read_rows(part_files(out, "tag"), ["key"])]
        wanted = settings.images
        report = {
            "benchmark": "label_many",
            "images": settings.images,
            "shards": settings.shards,
            "kills": settings.shards,
            "seconds": round(seconds, 1),
            "images_per_second": round(settings.images / seconds, 1),
            "rows": len(keys),
            "missing": wanted - len(set(keys)),
            "duplicates": len(keys) - len(set(keys)),
            **memory_report(samples[-1]),
            "device": settings.device,
            "cpus": os.cpu_count(),
        }
        print(json.dumps(report))
    finally:
        shutil.rmtree(root)


def memory_report(samples: list[tuple[int, float]]) -> dict[str, float]:
    """Highest resident memory in the second and in the last quarter of the samples of a shard."""
    memory = [value for _, value in samples]
    quarter = max(1, len(memory) // 4)
    early, late = max(memory[quarter : 2 * quarter], default=memory[0]), max(memory[-quarter:])
    return {
        "resident_mb_early": round(early),
        "resident_mb_late": round(late),
        "late_over_early": round(late / early, 3),
    }


if __name__ == "__main__":
    main()

"""``tag --look auto`` against ``tag`` alone on the same photos, and the memory of a look: prints one JSON line.

A method that needs a look is given the one that was made first. Times are of the processes themselves (user and system), so
that others who share the cores do not count. The photos are hard links to a few drawn scenes and the model a small random
CLIP, by default: what is measured is the second pass, and a large encoder would hide it.
Run: python benchmarks/look.py [--images 2000] [--method clip]
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from label_many import make_photos, memory_report, resident_mb

from tagalign.methods.table import METHODS
from tagalign.testing.clip_folder import make_clip_folder

LABELS = "dog,cat,tree,house,car,boat,sky,grass"


def command(verb: str, photos: Path, out: Path, model: str, given: argparse.Namespace) -> list[str]:
    """Of one of the three runs."""
    from sys import executable

    flags = [
        "--labels",
        LABELS,
        "--templates",
        "1",
        "--model",
        model,
        "--method",
        given.method,
        "--device",
        "cpu",
        "--no-cache",
    ]
    own = {
        "look": [],
        "tag": ["--format", "parquet", "--no-summary"],
        "auto": ["--format", "parquet", "--no-summary"],
    }[verb]
    own += ["--look", "auto"] if verb == "auto" else []
    if verb == "tag" and METHODS[given.method].needs_look:
        own += ["--look", str(out.parent / "look")]  # without one it answers nothing
    words = [executable, "-m", "tagalign.cli.main", "look" if verb == "look" else "tag", str(photos)]
    return [*words, *flags, *own, "--batch-size", str(given.batch_size), "--out", str(out)]


def measured(words: list[str]) -> tuple[float, list[tuple[int, float]]]:
    """Processor seconds of a run, and its resident megabytes while it ran."""
    before = os.times()
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    memory = []
    while process.poll() is None:
        if (now := resident_mb(process.pid)) is not None:
            memory.append((0, now))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{words[3]} ended with {process.returncode}")
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4]), memory


def main() -> None:
    """Make the photos, run all three, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--method", default="clip")
    parser.add_argument("--model", default="", help="a random small CLIP where none is given")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="look_"))
    try:
        model = given.model or str(make_clip_folder(root / "model"))
        make_photos(root / "photos", given.images)
        runs = {
            name: measured(command(name, root / "photos", root / name, model, given))
            for name in ("look", "tag", "auto")
        }
        seconds = {f"{name}_s": round(value, 2) for name, (value, _) in runs.items()}
        line = {
            "benchmark": "look",
            "images": given.images,
            "method": given.method,
            "labels": LABELS.count(",") + 1,
            **seconds,
        }
        line["auto_over_tag"] = round(runs["auto"][0] / runs["tag"][0], 3)
        print(json.dumps(line | memory_report(runs["look"][1])))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()

"""What a verb loses beside other work: its wall-clock time beside one and four niced competitors over its quiet time.

Each verb answers photo-sized noise with a folder of openai/clip-vit-base-patch16's shape and random weights; `train`
trains a projector on drawn pairs with ``tiny``. A competitor is a process of niceness 19 that counts. Rounds of quiet, one
and four are taken in turns and the median of each round's ratio is printed, so that a change of the machine falls on all.
``--wait active`` measures torch's own way of waiting instead of ours. Aims: 1.5 beside one, 3 beside four. Prints a
JSON line a verb. Run on a machine that does nothing else: python benchmarks/busy.py [--verbs tag segment] [--repeats 3]
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from PIL import Image

from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

BESIDE = (0, 1, 4)
LABELS = ("--labels", "dog,grass,sky,car,tree")
PHOTOS = 12
PAIRS = 256
COUNTING = "import os; os.nice(19)\nwhile True: pass"
OWN_WAITING = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""What the runtimes do where nothing is said, as their manuals give it."""


def commands(folder: Path) -> dict[str, list[str]]:
    """A command per verb; what it writes goes into ``folder/out``."""
    photos, pairs = folder / "photos", folder / "pairs"
    model = ["--model", str(make_clip_folder(folder / "vit", **VIT_B16))]
    for path, count, side in ((photos, PHOTOS, (640, 480)), (pairs, PAIRS, (80, 80))):
        path.mkdir()
        for i in range(count):
            Image.effect_noise(side, 40 + i % 80).convert("RGB").save(path / f"{i}.jpg")
    for i in range(PAIRS):
        (pairs / f"{i}.txt").write_text(f"a {('dog', 'car', 'tree')[i % 3]} on grass\n", encoding="utf-8")
    out = ["--out", str(folder / "out")]
    return {
        "tag": ["tag", str(photos), *LABELS, *model, *out],
        "segment": ["segment", str(photos), *LABELS, *model, *out],
        "refer": ["refer", str(photos), "--phrase", "a brown dog", *model, *out],
        "look": ["look", str(photos), *LABELS, *model, *out],
        "search": ["search", "index", str(photos), *model, "--index", str(folder / "out")],
        "train": [
            "train",
            "--data",
            str(pairs),
            "--model",
            "tiny",
            "--steps",
            "20",
            "--batch-size",
            "64",
            *out,
        ],
    }


@contextlib.contextmanager
def competitors(count: int) -> Iterator[None]:
    """Niced processes that count for as long as the block runs."""
    running = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def seconds(command: list[str], out: Path, environment: dict[str, str]) -> float:
    """Wall-clock time of a verb from the shell to its end."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tagalign.cli.main", *command],
        check=True,
        capture_output=True,
        env=environment,
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verbs", nargs="+", default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--wait", choices=("passive", "active"), default="passive")
    settings = parser.parse_args()
    environment = dict(os.environ) | (OWN_WAITING if settings.wait == "active" else {})
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        for verb, command in commands(folder).items():
            if settings.verbs and verb not in settings.verbs:
                continue
            seconds(
                command, folder / "out", environment
            )  # files from the disk, label embeddings into their cache
            rounds: list[list[float]] = []
            for _ in range(settings.repeats):
                rounds.append([])
                for count in BESIDE:
                    with competitors(count):
                        rounds[-1].append(seconds(command, folder / "out", environment))
            ratios = {
                f"beside_{count}": round(median(taken[i] / taken[0] for taken in rounds), 2)
                for i, count in enumerate(BESIDE[1:], start=1)
            }
            line = {"verb": verb, "quiet_s": round(median(taken[0] for taken in rounds), 2)} | ratios
            print(
                json.dumps(
                    line | {"wait": settings.wait, "cores": os.cpu_count(), "machine": platform.machine()}
                )
            )


if __name__ == "__main__":
    main()

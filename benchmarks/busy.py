"""What a verb loses beside other work: its wall-clock time beside one and four niced competitors over its quiet time.

Each verb answers a handful of photo-sized noise with an encoder of a ViT-B/16's width and four blocks; `train` trains a
projector on drawn pairs with ``tiny``, `evaluate` reads the tiny world, `parse` captions. A competitor is a process of
niceness 19 that counts. Rounds of quiet, one and four are taken in turns and the median of each round's ratio is printed, so
that a change of the machine falls on all. ``--wait active`` measures torch's own way of waiting instead of ours. Aims: 1.5
beside one, 3 beside four. Every run is said as it ends, every verb is a JSON line; six minutes for all on two quiet cores.
Where others work already, ratios of the clock say nothing; processor seconds still tell who spins: they grow beside others.
Run: python benchmarks/busy.py [--verbs tag segment] [--repeats 1] [--wait active]
"""

import argparse
import contextlib
import json
import os
import platform
import resource
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
AIMS = {1: 1.5, 4: 3.0}
PHOTOS = 6
PAIRS = 128
CAPTIONS = 20_000
TOY = VIT_B16 | {"layers": 4, "text_layers": 4}
PATIENCE_S = 300
COUNTING = "import os; os.nice(19)\nwhile True: pass"
THINGS = ("dog", "car", "tree")
OWN_WAITING = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""What the runtimes do where nothing is said, as their manuals give it."""


def commands(folder: Path) -> dict[str, list[str]]:
    """A command per verb; what it writes goes into ``folder/out``."""
    photos, pairs, captions = folder / "photos", folder / "pairs", folder / "captions.jsonl"
    model = ["--model", str(make_clip_folder(folder / "vit", **TOY)), "--device", "cpu"]
    for path, count, side in ((photos, PHOTOS, (640, 480)), (pairs, PAIRS, (80, 80))):
        path.mkdir()
        for i in range(count):
            Image.effect_noise(side, 40 + i % 80).convert("RGB").save(path / f"{i}.jpg")
    for i in range(PAIRS):
        (pairs / f"{i}.txt").write_text(f"a {THINGS[i % 3]} on grass\n", encoding="utf-8")
    rows = (
        {"key": str(i), "caption": f"a {THINGS[i % 3]} number {i} on green grass"} for i in range(CAPTIONS)
    )
    captions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = ["--out", str(folder / "out")]
    train = ["--pairs", str(pairs), "--model", "tiny", "--tag-loss-weight", "0", "--device", "cpu"]
    return {
        "tag": ["tag", str(photos), *LABELS, *model, *out],
        "segment": ["segment", str(photos), *LABELS, *model, *out],
        "refer": ["refer", str(photos), "--phrase", "a brown dog", *model, *out],
        "look": ["look", str(photos), *LABELS, *model, *out],
        "search": ["search", "index", str(photos), *model, "--index", str(folder / "out")],
        "train": ["train", *train, "--steps", "10", "--batch-size", "32", *out],
        "evaluate": ["evaluate", "--data", "tiny-world", "--limit", "20", "--device", "cpu", *out],
        "parse": ["parse", str(captions), *out],
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


def seconds(command: list[str], out: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall-clock time of a verb from the shell to its end, and what it took of the processor."""
    shutil.rmtree(out, ignore_errors=True)
    start, before = time.perf_counter(), processor_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "tagalign.cli.main", *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        raise SystemExit(f"tagalign {command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - start, processor_seconds() - before


def processor_seconds() -> float:
    """Of all processes that this one has started and seen ending."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(
    verb: str, command: list[str], out: Path, environment: dict[str, str], repeats: int
) -> dict[str, object]:
    """Quiet time and ratios of a verb; says each run as it ends."""
    clocks: list[list[float]] = []
    processors: list[list[float]] = []
    for _ in range(repeats):
        clocks.append([])
        processors.append([])
        for count in BESIDE:
            with competitors(count):
                clock, processor = seconds(command, out, environment)
            clocks[-1].append(clock)
            processors[-1].append(processor)
            print(
                f"{verb} beside {count}: {clock:.1f} s, {processor:.1f} of the processor",
                file=sys.stderr,
                flush=True,
            )
    ratios = {
        count: median(taken[i] / taken[0] for taken in clocks) for i, count in enumerate(BESIDE) if count
    }
    line: dict[str, object] = {"verb": verb, "quiet_s": round(median(taken[0] for taken in clocks), 2)}
    line |= {f"beside_{count}": round(ratio, 2) for count, ratio in ratios.items()}
    spun = median(taken[-1] / taken[0] for taken in processors)
    return line | {
        "processor_beside_4": round(spun, 2),
        "reached": all(ratios[count] <= aim for count, aim in AIMS.items()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verbs", nargs="+", default=None)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--wait", choices=("passive", "active"), default="passive")
    settings = parser.parse_args()
    environment = dict(os.environ) | (OWN_WAITING if settings.wait == "active" else {})
    machine = {"wait": settings.wait, "cores": os.cpu_count(), "machine": platform.machine()}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        asked = commands(folder)
        for verb in settings.verbs or asked:
            # files from the disk, label embeddings into their cache
            seconds(asked[verb], folder / "out", environment)
            line = measured(verb, asked[verb], folder / "out", environment, settings.repeats)
            print(json.dumps(line | machine), flush=True)


if __name__ == "__main__":
    main()

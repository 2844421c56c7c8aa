"""`tagalign parse` end to end, beside the part-of-speech baseline (TextBlob) in the same run. Prints one JSON line.

The captions are real ones with words exchanged, all different, so that no cache of whole captions could help.
Run: python benchmarks/parse.py --source ../shared/data/captions/dev.jsonl [--captions 1000000] [--workers 2]
"""

import argparse
import json
import platform
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from process_memory import Cost, run_measured

from tagalign.tags.captions import CaptionRow, read_captions

SHARDS = 4


def varied(captions: list[str], count: int, seed: int = 0) -> Iterator[str]:
    """``count`` different captions: real ones with one to three words exchanged for words of other captions."""
    rng = random.Random(seed)
    pool = [word for caption in captions for word in caption.split()]
    seen: set[int] = set()
    while len(seen) < count:
        words = rng.choice(captions).split()
        for _ in range(rng.randint(1, 3)):
            words[rng.randrange(len(words))] = rng.choice(pool)
        caption = " ".join(words)
        if (mark := hash(caption)) not in seen:
            seen.add(mark)
            yield caption


def write(folder: Path, captions: Iterator[str], count: int) -> None:
    """JSONL shards of equal size."""
    folder.mkdir()
    for shard in range(SHARDS):
        with (folder / f"{shard}.jsonl").open("w", encoding="utf-8") as file:
            for i in range(count * shard // SHARDS, count * (shard + 1) // SHARDS):
                file.write(json.dumps({"key": f"{i:09d}", "caption": next(captions)}) + "\n")


def measure(folder: Path, parser: str, workers: int, out: Path) -> Cost:
    """What it costs to run ``tagalign parse``, its start included."""
    program = [
        sys.executable,
        "-c",
        "import sys; from tagalign.cli.main import main; sys.exit(main(sys.argv[1:]))",
    ]
    flags = ["--parser", parser, "--processes", str(workers), "--out", str(out)]
    return run_measured([*program, "parse", str(folder), *flags])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="a file of real captions")
    parser.add_argument("--captions", type=int, default=1_000_000)
    parser.add_argument("--baseline", type=int, default=30_000, help="captions that the slow baseline gets")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    real = [
        row.caption
        for row in read_captions(given.source)
        if isinstance(row, CaptionRow) and row.caption.split()
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "many", varied(real, given.captions), given.captions)
        write(folder / "few", varied(real, given.baseline, seed=1), given.baseline)
        slow = measure(folder / "few", "rules", given.workers, folder / "rules")
        fast = measure(folder / "many", "distilled", given.workers, folder / "tags")
    rate, slow_rate = given.captions / fast.seconds, given.baseline / slow.seconds
    line = {
        "captions": given.captions, "captions_per_s": round(rate), "peak_gb": round(fast.memory_gb, 2),
        "processor_s": round(fast.processor_s, 1), "baseline_captions_per_s": round(slow_rate),
        "ratio": round(rate / slow_rate, 1),
        "workers": given.workers, "machine": platform.machine(),
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()

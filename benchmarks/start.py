"""Seconds from the shell to the first tag, over ``import torch`` in the same run: what a user waits for on every command.

Each number is the median of fresh processes, taken in turns so that whatever else the machine does falls on all of them.
``tiny`` tags a drawn scene; ``vit_b16`` a photo-sized picture with a folder of openai/clip-vit-base-patch16's shape and
random weights. Prints one JSON line. Run: python benchmarks/start.py [--repeats 5] [--skip-vit]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from PIL import Image

LABELS = "car,dog,tree"


def timed(command: list[str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one process."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, spent


def tag(image: Path, model: str, out: Path) -> list[str]:
    verb = ["-m", "tagalign.cli.main", "tag", str(image), "--labels", LABELS, "--model", model]
    return [sys.executable, *verb, "--out", str(out)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-vit", action="store_true")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        scene, photo = folder / "scene.png", folder / "photo.jpg"
        Image.effect_noise((80, 80), 80).convert("RGB").save(scene)
        Image.effect_noise((640, 480), 80).convert("RGB").save(photo)
        models = {"tiny": (scene, "tiny")}
        if not settings.skip_vit:
            from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

            models["vit_b16"] = (photo, str(make_clip_folder(folder / "vit", **VIT_B16)))
        times: dict[str, list[tuple[float, float]]] = {"torch": [], **{name: [] for name in models}}
        for repeat in range(settings.repeats + 1):
            taken = {"torch": timed([sys.executable, "-c", "import torch"])}
            for name, (image, model) in models.items():
                taken[name] = timed(tag(image, model, folder / f"{name}-{repeat}"))
            if repeat:  # the first round reads files from the disk
                for name, both in taken.items():
                    times[name].append(both)
    line: dict[str, object] = {}
    for name in models:
        for place, kind in enumerate(("wall", "cpu")):
            # the ratio of each round, then the median: a disturbed round moves one value
            pairs = zip(times[name], times["torch"], strict=True)
            line[f"{name}_over_torch_{kind}"] = round(median(a[place] / b[place] for a, b in pairs), 2)
    line |= {f"{name}_s": round(median(both[0] for both in taken), 2) for name, taken in times.items()}
    print(json.dumps(line | {"cores": os.cpu_count(), "machine": platform.machine()}))


if __name__ == "__main__":
    main()

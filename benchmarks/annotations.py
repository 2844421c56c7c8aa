"""``import annotations`` of a drawn COCO file: processor seconds, megabytes at the peak, clicks; prints one JSON line.

Nine of ten annotations are polygons (15 to 85 corners, one in seven of two parts), others run-length codes, compressed or
plain. Photos are hard links to one picture of 640 x 480.
Run: python benchmarks/annotations.py [--annotations 6000] [--photos 800]; a file of 300 MB: 300,000 and 40,000.
"""

import argparse
import json
import math
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tagalign.cli.main import main as tagalign
from tagalign.ops.masks import encode_rle, run_lengths

HEIGHT, WIDTH, CATEGORIES = 480, 640, 80
POLYGONS, COMPRESSED = 0.9, 0.97


def polygon(rng: random.Random) -> list[float]:
    """A star around a middle, cut off at the sides of the photo."""
    x, y, radius = rng.uniform(40, 600), rng.uniform(40, 440), rng.uniform(10, 200)
    corners = rng.randrange(15, 85)
    found = []
    for k in range(corners):
        angle, far = 2 * math.pi * k / corners, radius * rng.uniform(0.7, 1.1)
        found.append(round(min(WIDTH, max(0, x + far * math.cos(angle))), 2))
        found.append(round(min(HEIGHT, max(0, y + far * math.sin(angle))), 2))
    return found


def codes() -> list[dict[str, Any]]:
    """Some masks, compressed first, then plain: making each anew would take longer than reading them."""
    masks = np.random.default_rng(0).random((20, HEIGHT // 40, WIDTH // 40)) > 0.7
    drawn = [torch.from_numpy(mask.repeat(40, 0).repeat(40, 1)) for mask in masks]
    counts: list[Any] = [encode_rle(one).decode() for one in drawn] + [run_lengths(one) for one in drawn]
    return [{"size": [HEIGHT, WIDTH], "counts": one} for one in counts]


def rows(count: int, photos: int) -> Iterator[dict[str, Any]]:
    rng, known = random.Random(0), codes()
    for number in range(count):
        kind = rng.random()
        if kind < POLYGONS:
            drawn: Any = [polygon(rng) for _ in range(1 + (rng.random() < 1 / 7))]
        else:
            drawn = rng.choice(known[:20] if kind < COMPRESSED else known[20:])
        about = {"id": number, "image_id": rng.randrange(photos), "category_id": rng.randrange(CATEGORIES)}
        yield about | {"segmentation": drawn, "bbox": [10, 10, 50, 50], "iscrowd": 0}


def write(folder: Path, count: int, photos: int) -> Path:
    """The file and its photos."""
    (folder / "images").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT), "gray").save(folder / "one.jpg")
    names = [f"{i:012d}.jpg" for i in range(photos)]
    for name in names:
        os.link(folder / "one.jpg", folder / "images" / name)
    images = [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)]
    categories = [{"id": i, "name": f"thing {i}"} for i in range(CATEGORIES)]
    path = folder / "instances.json"
    with path.open("w", encoding="utf-8") as file:
        file.write(
            f'{{"images": {json.dumps(images)}, "categories": {json.dumps(categories)}, "annotations": ['
        )
        for number, row in enumerate(rows(count, photos)):
            file.write((", " if number else "") + json.dumps(row))
        file.write("]}")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=6000)
    parser.add_argument("--photos", type=int, default=800)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = write(Path(place), asked.annotations, asked.photos)
        begun, clock = time.process_time(), time.perf_counter()
        code = tagalign(["import", "annotations", str(path), "--out", str(Path(place) / "out")])
        took, waited = time.process_time() - begun, time.perf_counter() - clock
        line = {
            "benchmark": "annotations",
            "megabytes": round(path.stat().st_size / 1e6, 1),
            "annotations": asked.annotations,
            "photos": asked.photos,
            "exit": code,
            "clicks": sum(1 for _ in (Path(place) / "out/review.jsonl").open("rb")),
            "processor_s": round(took, 1),
            "clock_s": round(waited, 1),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    print(json.dumps(line))
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Every export of one mask of pure noise, the worst there is: seconds per format; prints one JSON line.

Two labels at random give some 7 parts per 1,000 pixels and a hole for each of them; a real mask has a few hundred.
Run: python benchmarks/export.py [--megapixels 3] [--labels 2]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tagalign.export.coco import write_coco
from tagalign.export.cvat import write_cvat
from tagalign.export.label_studio import write_label_studio
from tagalign.export.parts import parts_by_label
from tagalign.export.records import Annotated
from tagalign.export.yolo import write_yolo
from tagalign.types import Segmentation


def noise(megapixels: float, labels: int) -> Annotated:
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (height, height * 4 // 3)
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, labels, size))
    names = tuple(f"label {i}" for i in range(labels))
    found = Segmentation(labels=ids, names=names, scores=torch.ones(size))
    return Annotated(file_name="noise.png", size=size, segmentation=found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=3.0)
    parser.add_argument("--labels", type=int, default=2)
    asked = parser.parse_args()
    image = noise(asked.megapixels, asked.labels)
    assert image.segmentation is not None
    line: dict[str, object] = {
        "benchmark": "export",
        "megapixels": asked.megapixels,
        "labels": asked.labels,
        "parts": sum(map(len, parts_by_label(image.segmentation))),
    }
    names = image.segmentation.names
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        formats: dict[str, Callable[[], object]] = {
            "coco_rle": lambda: write_coco(folder / "a.json", [image]),
            "coco_polygons": lambda: write_coco(folder / "b.json", [image], form="polygons"),
            "coco_stuff": lambda: write_coco(folder / "c.json", [image], split=False),
            "yolo": lambda: write_yolo(folder / "yolo", [image]),
            "cvat_masks": lambda: write_cvat(folder / "a.xml", [image], names),
            "cvat_polygons": lambda: write_cvat(folder / "b.xml", [image], names, form="polygons"),
            "label_studio": lambda: write_label_studio(folder / "d.json", [image]),
        }
        for form, write in formats.items():
            # time of this process: others that share the cores do not count
            wall, own = time.perf_counter(), time.process_time()
            write()
            line[f"{form}_s"] = round(time.process_time() - own, 2)
            line[f"{form}_wall_s"] = round(time.perf_counter() - wall, 2)
    print(json.dumps(line))


if __name__ == "__main__":
    main()

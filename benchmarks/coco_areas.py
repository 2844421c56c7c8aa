"""COCO export as pycocotools reads it: areas and boxes of run-length code, areas of polygons; prints one JSON line.

Masks are the true label maps of drawn scenes, or with --masks FOLDER palette PNGs of anything.
Run: python benchmarks/coco_areas.py [--scenes 200] [--masks FOLDER]
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pycocotools.coco import COCO

from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.export.coco import write_coco
from tagalign.export.records import Annotated
from tagalign.types import Segmentation


def annotated(name: str, labels: np.ndarray, names: tuple[str, ...]) -> Annotated:
    ids = torch.from_numpy(labels.astype(np.int64))
    found = Segmentation(labels=ids, names=names, scores=torch.ones(ids.shape))
    return Annotated(file_name=name, size=tuple(ids.shape), segmentation=found)


def drawn(scenes: int) -> Iterator[Annotated]:
    for i, scene in enumerate(TinyWorld(seed=0, split="test").take(scenes)):
        yield annotated(f"{i}.png", scene.label_map("all"), tuple(CLASS_SETS["all"]))


def of_folder(folder: Path) -> Iterator[Annotated]:
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            yield annotated(path.name, np.asarray(image), tuple(f"label {i}" for i in range(256)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--masks", type=Path)
    asked = parser.parse_args()
    line: dict[str, object] = {
        "benchmark": "coco_areas",
        "masks": asked.masks.name if asked.masks else "tiny-world",
    }
    for form in ("rle", "polygons"):
        images = of_folder(asked.masks) if asked.masks else drawn(asked.scenes)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            write_coco(Path(folder) / "a.json", images, form=form)
            data = COCO(str(Path(folder) / "a.json"))
        errors, boxes = differences(data)
        line |= {
            f"{form}_annotations": len(errors),
            f"{form}_largest_area_error": round(float(errors.max()), 5),
            f"{form}_mean_area_error": round(float(errors.mean()), 5),
            f"{form}_largest_box_error_px": float(boxes.max()),
        }
    print(json.dumps(line))


def differences(data: COCO) -> tuple[np.ndarray, np.ndarray]:
    """Relative error of each area, and the largest difference of each box, against the masks that COCO decodes."""
    areas, boxes = [], []
    for row in data.anns.values():
        mask = data.annToMask(row).astype(bool)
        areas.append(abs(int(mask.sum()) - row["area"]) / row["area"])
        rows, cols = mask.nonzero()
        box = [cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1] if len(rows) else [0, 0, 0, 0]
        boxes.append(np.abs(np.array(box) - row["bbox"]).max())
    return np.array(areas), np.array(boxes)


if __name__ == "__main__":
    main()

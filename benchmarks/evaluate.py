"""The evaluator's own cost beside a ViT-B/16 forward at 448: reading a mask, comparing sizes, confusion, storing the row.

Decoding the photo and upsampling the scores belong to the segmenter and are not counted. Everything is timed in one run,
in turns. Prints one JSON line. Run: python benchmarks/evaluate.py [--repeats 5]
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.data.benchmarks.mask_files import class_table
from tagalign.data.benchmarks.segmentation_sets import ImageAndMask, MaskFolder
from tagalign.evaluate.ask_dense import AskSegmentation
from tagalign.evaluate.rows import RowStore
from tagalign.evaluate.segmentation import count_pixels
from tagalign.labels import LabelSet
from tagalign.tags.label_sets import load_label_set
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder
from tagalign.types import Segmentation

SIZE, CLASSES, INPUT = (480, 640), 171, 448


class Given:
    """A method whose answer is given, so that only the evaluator is timed."""

    method = "given"

    def __init__(self, labels: torch.Tensor, label_set: LabelSet) -> None:
        self.found = Segmentation(labels=labels, names=label_set.names, scores=torch.ones(labels.shape))

    def encode_images(self, images: list[Image.Image]) -> list[None]:
        """One value per image."""
        return [None] * len(images)

    def encode_labels(self, labels: LabelSet) -> LabelSet:
        """The labels as they are."""
        return labels

    def describe(self) -> dict[str, object]:
        """Its name."""
        return {"method": self.method}

    def segment(self, image: None, labels: LabelSet, *, photo: Image.Image | None = None) -> Segmentation:
        """The given answer."""
        return self.found


def regions(seed: int) -> np.ndarray:
    """Ids in blocks, like a real label map: 20 different ones."""
    blocks = np.random.default_rng(seed).integers(0, CLASSES, (12, 16))
    return blocks.repeat(SIZE[0] // 12, 0).repeat(SIZE[1] // 16, 1)


def milliseconds(function: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - start) / times * 1000


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backbone = load_backbone(str(make_clip_folder(folder / "clip", **VIT_B16)), device="cpu")
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / "a.jpg")
        Image.fromarray(regions(0).astype(np.uint8)).save(folder / "a.png")
        labels = load_label_set("coco-stuff")
        data = MaskFolder(
            name="coco-stuff",
            split="val",
            labels=labels,
            has_background=False,
            pairs=(ImageAndMask(key="a", image=folder / "a.jpg", mask=folder / "a.png"),),
            table=class_table({i: i for i in range(CLASSES)}),
        )
        prediction, target = torch.from_numpy(regions(1)), torch.from_numpy(data.target(0))
        method = Given(prediction, labels)
        asker = AskSegmentation(method, data, labels)
        store, photo = RowStore(folder / "out", "mark"), data.image(0)
        pixels = torch.zeros(1, 3, INPUT, INPUT)

        def whole() -> None:
            truth = asker.truth(0)
            store.add([{"i": 0, "key": data.key(0)} | asker.row(None, photo, truth)])

        runs: dict[str, tuple[Callable[[], object], int]] = {
            "encoder": (lambda: backbone.embed_images(pixels), 1),
            "evaluator": (whole, 10),
            "confusion": (lambda: count_pixels(prediction, target, CLASSES), 20),
        }
        found: dict[str, list[float]] = {key: [] for key in runs}
        for repeat in range(repeats + 1):
            for key, (function, times) in runs.items():
                taken = milliseconds(function, times)
                if repeat:  # the first round warms up
                    found[key].append(taken)
    share = median(e / f for e, f in zip(found["evaluator"], found["encoder"], strict=True))
    line = {f"{key}_ms": round(median(values), 2) for key, values in found.items()}
    facts = {
        "classes": CLASSES,
        "size": list(SIZE),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }
    print(json.dumps(line | {"evaluator_over_encoder": round(share, 4)} | facts))


if __name__ == "__main__":
    main()

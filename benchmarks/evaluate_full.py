"""The evaluator alone on a whole benchmark: 5,000 pictures, 171 classes, whatever the encoder costs left out.

The answer is given: the true classes, every seventh picture shifted by one class, so that rows have cells off the diagonal.
Prints one JSON line with processor time and peak memory. Needs a drawn copy (``tagalign data fake coco-stuff --out DIR``) or
the data. Run: python benchmarks/evaluate_full.py DIR [--data coco-stuff] [--images N]
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tagalign.data.benchmarks import open_benchmark
from tagalign.evaluate.engine import Plan, gather
from tagalign.evaluate.evaluation import asker_for, summarize
from tagalign.labels import LabelSet
from tagalign.types import Segmentation

WRONG_EVERY = 7


class Given:
    """A method that reads its answers off the truth."""

    method = "given"

    def __init__(self, data: Any) -> None:
        self.data, self.next = data, 0

    def encode_images(self, images: list[Image.Image]) -> list[int]:
        """Places in the benchmark: images come in its order."""
        first = self.next
        self.next += len(images)
        return list(range(first, self.next))

    def encode_labels(self, labels: LabelSet) -> LabelSet:
        """The labels as they are."""
        return labels

    def describe(self) -> dict[str, object]:
        """Its name."""
        return {"method": self.method}

    def segment(self, image: int, labels: LabelSet, *, photo: Image.Image | None = None) -> Segmentation:
        """The truth, or one class beside it."""
        truth = self.data.target(image).astype(np.int64)
        count = len(labels.names)
        shifted = (truth + (image % WRONG_EVERY == 0)) % count
        found = torch.from_numpy(np.where(truth == self.data.ignore, 0, shifted))
        return Segmentation(labels=found, names=labels.names, scores=torch.ones(1, 1))


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--data", default="coco-stuff")
    parser.add_argument("--images", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = open_benchmark(arguments.data, arguments.path)
    started, before = time.process_time(), peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        asker = asker_for("segmentation", Given(data), data)
        gathered = gather(asker, Plan(out=Path(folder), limit=arguments.images))
        measured = time.process_time() - started
        rows_mb = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20
        result = summarize(asker, gathered, allow_missing=arguments.images is not None)
    print(
        json.dumps(
            {
                "data": arguments.data,
                "images": result.images,
                "classes": len(data.class_names),
                "miou": result.metrics["miou"],
                "rows_cpu_s": round(measured, 1),
                "score_cpu_s": round(time.process_time() - started - measured, 1),
                "start_peak_mb": round(before),
                "peak_mb": round(peak_mb()),
                "rows_mb": round(rows_mb, 1),
            }
        )
    )


def peak_mb() -> float:
    """Highest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

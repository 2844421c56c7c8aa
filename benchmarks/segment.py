"""Images per second of ``segment`` over the bare encoder forward: ViT-B/16 shape, random weights, 448 x 448, 21 labels.

Both are timed in the same run, in turns, so that whatever else the machine does falls on both. Decoding is excluded.
Prints one JSON line. Run: python benchmarks/segment.py [--repeats 5]
"""

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from transformers import CLIPModel

from tagalign.backbones.load import load_backbone
from tagalign.methods.dense.canvas import CanvasRule
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.projector import Projector
from tagalign.methods.resources import Resources
from tagalign.tags.label_sets import label_set_of
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

SIZE, LABELS, BATCH = 448, 21, 2


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        made = make_clip_folder(Path(folder), **VIT_B16)
        backbone = load_backbone(str(made), device=device)
        theirs = (
            CLIPModel.from_pretrained(made).eval().to(device).vision_model
        )  # the yardstick is not our own code
    resources = Resources(batch_size=BATCH)
    projector = Projector.from_backbone(backbone)
    for block in projector.blocks:
        torch.nn.init.constant_(block.gate, 0.5)
    methods = {
        "maskclip": DenseMethod(backbone, method="maskclip", mode="maskclip", resources=resources),
        "tagalign": DenseMethod(
            backbone, method="tagalign", mode="surgery", projector=projector, resources=resources
        ),
    }
    labels = methods["maskclip"].encode_labels(label_set_of([f"thing {i}" for i in range(LABELS)]))
    canvas = CanvasRule(short_side=SIZE).lay(
        Image.effect_noise((SIZE, SIZE), 80).convert("RGB"), backbone.preprocessing
    )
    pixels = torch.stack([canvas.pixels] * BATCH).to(device)

    def bare() -> None:
        theirs(pixels, interpolate_pos_encoding=True)

    def segment(method: DenseMethod) -> None:
        for image in method.encode_canvases([canvas] * BATCH):
            method.segment(image, labels)

    runs = {"encoder": bare} | {name: lambda m=method: segment(m) for name, method in methods.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, function in runs.items():
            taken = seconds(function)
            if repeat:  # the first round warms up
                times[name].append(taken)
    # the ratio of each round, then the median: a disturbed round moves one value
    ratios = {n: median(e / t for e, t in zip(times["encoder"], times[n], strict=True)) for n in methods}
    line = {f"{name}_over_encoder": round(ratio, 3) for name, ratio in ratios.items()}
    line |= {f"{name}_images_per_s": round(BATCH / median(t), 3) for name, t in times.items()}
    print(
        json.dumps(
            line | {"device": device, "threads": torch.get_num_threads(), "machine": platform.machine()}
        )
    )


if __name__ == "__main__":
    main()

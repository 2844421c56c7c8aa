"""What bfloat16 gives and costs: images per second of `segment` in both precisions in turns, and how many pixels agree.

Rate: photo-sized noise at short side 448, a folder of openai/clip-vit-base-patch16's shape with random weights, five labels,
medians of rounds in wall-clock and in processor time. Agreement: label maps of drawn scenes with the packaged encoders,
whose weights mean something. Aims: 1.5 x the rate of float32, 99 of 100 pixels. Prints a JSON line a measurement.
Run: python benchmarks/precision.py [--threads 2] [--repeats 5]
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from PIL import Image

import tagalign as ta
from tagalign.data.tiny_world import OBJECTS, TinyWorld
from tagalign.ops.precision import multiplies_bf16
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

PRECISIONS = ("fp32", "bf16")
SIDE, SCENES = 448, 40
LABELS = ["dog", "grass", "sky", "car", "tree"]


def rates(repeats: int) -> dict[str, float]:
    """bf16 over fp32, of images per second."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in PRECISIONS}
    with tempfile.TemporaryDirectory() as temp:
        folder = str(make_clip_folder(Path(temp) / "vit", **VIT_B16))
        models = {
            name: ta.load(folder, method="surgery", short_side=SIDE, precision=name) for name in PRECISIONS
        }
        labels = models["fp32"].encode_labels(LABELS)
        photo = Image.effect_noise((640, 480), 80).convert("RGB")
        for repeat in range(repeats + 1):
            for name, model in models.items():
                wall, used = time.perf_counter(), time.process_time()
                model.segment(model.encode_image(photo), labels)
                if repeat:  # the first lays out the weights
                    taken[name].append((time.perf_counter() - wall, time.process_time() - used))
    pairs = list(zip(taken["fp32"], taken["bf16"], strict=True))
    return {
        "fp32_s": round(median(wall for wall, _ in taken["fp32"]), 3),
        "wall_ratio": round(median(full[0] / low[0] for full, low in pairs), 2),
        "cpu_ratio": round(median(full[1] / low[1] for full, low in pairs), 2),
    }


def agreement(name: str, method: str) -> dict[str, float]:
    """Share of pixels with the same label: mean over scenes, and the worst scene."""
    world = TinyWorld(seed=1, split="test")
    models = [ta.load(name, method=method, precision=precision) for precision in PRECISIONS]
    labels = models[0].encode_labels(list(OBJECTS))
    same = []
    for i in range(SCENES):
        photo = Image.fromarray(world[i].image)
        full, low = (model.segment(model.encode_image(photo), labels).labels for model in models)
        same.append((full == low).double().mean().item())
    return {"mean": round(sum(same) / SCENES, 4), "worst": round(min(same), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    machine = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "bf16_units": multiplies_bf16(torch.device("cpu")),
        "threads": settings.threads,
    }
    print(json.dumps({"measured": "rate"} | rates(settings.repeats) | machine))
    for name in ("tiny", "tiny-plain"):
        for method in ("surgery", "maskclip", "clip", "scclip"):
            print(
                json.dumps({"measured": "pixels", "model": name, "method": method} | agreement(name, method))
            )


if __name__ == "__main__":
    main()

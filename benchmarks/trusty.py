"""Frames per second of TrustyCLIP over the bare encoder forward: ViT-B/16 shape, random weights, 512 x 512, 20 classes.

Both are timed in the same run, in turns, so that whatever else the machine does falls on both. Decoding and resizing are
excluded; everything else up to the label of every pixel is in. Prints one JSON line.
Run: python benchmarks/trusty.py [--repeats 5]
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.tags.label_sets import benchmark_labels, unseen_labels
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

SIZE = 512


def seconds(function: Callable[[], object], device: str) -> float:
    """Time of one call, the device's work included."""
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(str(make_clip_folder(Path(folder), **VIT_B16)), device=device)
    voc = benchmark_labels("voc20")
    unseen = unseen_labels("voc20")
    trained = [name for i, name in enumerate(voc.names) if i not in unseen]
    network = TrustyNetwork(sizes_for(backbone)).to(device)
    model = TrustyClip(backbone, network, TrustyOptions(profile="released"), trained=trained)
    labels = model.encode_labels(voc)
    canvas = model.lay(Image.effect_noise((SIZE, SIZE), 80).convert("RGB"))
    pixels = canvas.pixels[None].to(device)

    def encoder() -> None:
        backbone.embed_images(pixels)

    def trusty() -> None:
        found = model.segment(model.encode_canvases([canvas])[0], labels)
        assert found.weighting == "both"

    times: dict[str, list[float]] = {"encoder": [], "trusty": []}
    for repeat in range(repeats + 1):
        for name, function in {"encoder": encoder, "trusty": trusty}.items():
            taken = seconds(function, device)
            if repeat:  # the first round warms up
                times[name].append(taken)
    # the ratio of each round, then the median: a disturbed round moves one value
    ratio = median(e / t for e, t in zip(times["encoder"], times["trusty"], strict=True))
    line: dict[str, object] = {"trusty_over_encoder": round(ratio, 3)}
    line |= {f"{name}_frames_per_s": round(1 / median(t), 3) for name, t in times.items()}
    line |= {"size": SIZE, "classes": len(voc), "repeats": repeats, "device": device}
    print(json.dumps(line | {"threads": torch.get_num_threads(), "machine": platform.machine()}))


if __name__ == "__main__":
    main()

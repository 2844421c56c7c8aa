"""Cost of the check that an encoder yields finite numbers, as a share of a ViT-B/16 pass; prints one JSON line.

Run: python benchmarks/finite.py [--batch 8] [--rounds 5]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from tagalign.backbones.finite import checked
from tagalign.backbones.load import load_backbone
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder


def median_s(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(str(make_clip_folder(Path(folder), **VIT_B16)))
    pixels = torch.rand(asked.batch, 3, 224, 224)

    def encode() -> torch.Tensor:
        return backbone.project(backbone.encode_dense(pixels, mode="maskclip").patches)

    features = backbone.encode_dense(pixels, mode="maskclip").patches
    embeds = encode()

    def check() -> None:  # the two checks of that way
        checked(features, backbone.vision, name="clip", what="patch features")
        checked(embeds, backbone.vision, name="clip", what="embeddings")

    whole, cost = median_s(encode, asked.rounds), median_s(check, 20 * asked.rounds)
    line = {
        "benchmark": "finite",
        "batch": asked.batch,
        "pass_s": round(whole, 4),
        "check_s": round(cost, 6),
        "share": round(cost / whole, 6),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()

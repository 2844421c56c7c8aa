"""What the parts of ``gpu.py`` share: sizes, a model with random weights, photos of noise, jobs that are timed in turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from peak import wait
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from tagalign.backbones.load import load_backbone
from tagalign.methods.resources import Resources
from tagalign.ops.precision import Precision
from tagalign.tags.label_sets import label_set_of
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

Jobs = dict[str, tuple[Callable[[], object], int]]
"""What is timed, and the images that one call answers."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large everything is."""

    clip: dict[str, int]
    photo: tuple[int, int]
    side: int
    batch: int
    labels: int
    train_batch: int
    train_tags: int
    loss_batch: int
    loss_tags: tuple[int, int]
    caption: str
    tokens: int
    repeats: int
    peak_side: int


FULL = Size(
    clip=VIT_B16,
    photo=(375, 500),
    side=448,
    batch=16,
    labels=21,
    train_batch=256,
    train_tags=10_000,
    loss_batch=4096,
    loss_tags=(100_000, 1_000_000),
    caption="base",
    tokens=20,
    repeats=5,
    peak_side=8192,
)
TOY = Size(
    clip={},
    photo=(40, 48),
    side=32,
    batch=2,
    labels=3,
    train_batch=4,
    train_tags=5,
    loss_batch=4,
    loss_tags=(300, 600),
    caption="tiny",
    tokens=8,
    repeats=1,
    peak_side=64,
)


class Bench:
    """A model with random weights, photos of noise, and the clock.

    Attributes:
        size: of everything.
        device: CUDA where there is one.
    """

    def __init__(self, size: Size, folder: Path) -> None:
        self.size, self.device = size, torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision: Precision = "bf16" if self.device.type == "cuda" else "fp32"
        made = make_clip_folder(folder / "clip", **size.clip)
        self.backbone = load_backbone(str(made), device=self.device, precision=self.precision)
        self.photos = [noise(size.photo, seed) for seed in range(size.batch)]
        self.labels = label_set_of([f"thing {i}" for i in range(size.labels)])
        self.resources = Resources(batch_size=size.batch)

    def pixels(self, count: int, side: int | None = None) -> torch.Tensor:
        """Normal noise of the encoder's input size."""
        side = side or self.backbone.preprocessing.image_size
        return torch.randn(count, 3, side, side, device=self.device)

    def seconds(self, function: Callable[[], object]) -> float:
        """Wall-clock time of a call, to the end of what it gave the device."""
        wait(self.device)
        start = time.perf_counter()
        function()
        wait(self.device)
        return time.perf_counter() - start

    def row(self, jobs: Jobs) -> dict[str, Any]:
        """Images per second of each job, in turns; ratios are medians of rounds; FLOPs are those of ``ours``."""
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for repeat in range(self.size.repeats + 1):
            for name, (function, _) in jobs.items():
                taken = self.seconds(function)
                if repeat:  # the first round warms up
                    times[name].append(taken)
        each = {name: [s / jobs[name][1] for s in taken] for name, taken in times.items()}
        row: dict[str, Any] = {f"{name}_per_s": round(1 / median(s), 2) for name, s in each.items()}
        for other, word in (("bare", "share_of_bare"), ("steps", "faster_than_steps")):
            if other in each:
                row[word] = round(median(b / a for a, b in zip(each["ours"], each[other], strict=True)), 3)
        function, images = jobs["ours"]
        with FlopCounterMode(display=False) as counter:
            function()
        row["gflop_per_image"] = round(counter.get_total_flops() / images / 1e9, 3)
        row["tflops"] = round(counter.get_total_flops() / images / median(each["ours"]) / 1e12, 4)
        return row


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    """Smooth noise of a photo's size (height, width)."""
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)


def bare_pass(bench: Bench, pixels: torch.Tensor) -> Callable[[], object]:
    """The blocks alone, every token projected: what no method can be faster than."""

    @torch.inference_mode()
    def run() -> object:
        x, _ = bench.backbone.embed_patches(pixels)
        for block in bench.backbone.blocks:
            x = block(x)
        return bench.backbone.project(x)

    return run

"""Peak memory and time of the chunked tag loss against the plain one: balanced softmax, forward and backward.

Every case runs in a process of its own, so that one does not warm or fill the memory of the next. ``null`` where the
plain form does not fit. Beside the wall clock stands processor time, for machines that do other work too. Prints one
JSON line.
Run: python benchmarks/tag_loss.py [--batch 4096] [--tags 10000 100000 1000000] [--repeats 3]
"""

import argparse
import json
import multiprocessing
import platform
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from process_memory import status_bytes

from tagalign.ops import losses
from tagalign.ops.chunked import CHUNK_NUMBERS
from tagalign.ops.tag_rows import TagRows

DIM, TAGS_PER_IMAGE = 512, 5
PLAIN_COPIES = 4
"""Matrices of batch x tags that the plain form holds at its peak on a CPU: logits, their sum with the prior, two in
the backward pass. Used only to tell whether it fits."""


def case(form: str, batch: int, tags: int, repeats: int, device: str) -> dict[str, float] | None:
    torch.manual_seed(0)
    images = torch.randn(batch, DIM, device=device, requires_grad=True)
    units = losses.unit(torch.randn(tags, DIM, device=device))
    log_scale = torch.tensor(3.0, device=device, requires_grad=True)
    prior = losses.log_frequencies(torch.arange(tags, 0, -1, device=device))
    rows = TagRows(
        images=torch.arange(batch, device=device).repeat_interleave(TAGS_PER_IMAGE),
        tags=torch.randint(tags, (batch * TAGS_PER_IMAGE,), device=device),
        num_images=batch,
    )
    chunk = None if form == "plain" else max(256, CHUNK_NUMBERS // batch)

    def step() -> tuple[float, float]:
        images.grad = log_scale.grad = None
        start, busy = time.perf_counter(), time.process_time()
        scale = losses.inverse_temperature(log_scale)
        losses.softmax_tag_loss(
            images, units, rows, logit_scale=scale, log_prior=prior, chunk=chunk
        ).backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start, time.process_time() - busy

    try:
        before = memory_before(device)
        times = [step() for _ in range(repeats + 1)][1:]
        wall, cpu = (median(column) for column in zip(*times, strict=True))
        return {"seconds": wall, "cpu_seconds": cpu, "peak_bytes": memory_peak(device) - before}
    except torch.OutOfMemoryError:
        return None


def memory_before(device: str) -> int:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again here
    return status_bytes("VmRSS")


def memory_peak(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else status_bytes("VmHWM")


def fits(form: str, batch: int, tags: int, device: str) -> bool:
    if form == "chunked" or device == "cuda":
        return True  # on CUDA the attempt itself tells
    # not the free pages alone: the kernel gives up its file cache on demand
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024
    return PLAIN_COPIES * batch * tags * 4 < free


def measured(form: str, batch: int, tags: int, repeats: int, device: str) -> dict[str, float] | None:
    if not fits(form, batch, tags, device):
        return None
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(case, (form, batch, tags, repeats, device))


def row(batch: int, tags: int, repeats: int, device: str) -> dict[str, Any]:
    plain, chunked = (measured(form, batch, tags, repeats, device) for form in ("plain", "chunked"))
    both = plain is not None and chunked is not None
    return {
        "tags": tags,
        "plain_s": plain and round(plain["seconds"], 4),
        "chunked_s": chunked and round(chunked["seconds"], 4),
        "plain_cpu_s": plain and round(plain["cpu_seconds"], 4),
        "chunked_cpu_s": chunked and round(chunked["cpu_seconds"], 4),
        "plain_mb": plain and round(plain["peak_bytes"] / 1e6, 1),
        "chunked_mb": chunked and round(chunked["peak_bytes"] / 1e6, 1),
        "time_ratio": round(chunked["seconds"] / plain["seconds"], 3) if both else None,
        "cpu_time_ratio": round(chunked["cpu_seconds"] / plain["cpu_seconds"], 3) if both else None,
        "memory_ratio": round(chunked["peak_bytes"] / plain["peak_bytes"], 4) if both else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--tags", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    rows = [row(args.batch, tags, args.repeats, args.device) for tags in args.tags]
    hardware = (
        torch.cuda.get_device_name() if args.device == "cuda" else platform.processor() or platform.machine()
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    print(
        json.dumps(
            {
                "benchmark": "tag_loss",
                "batch": args.batch,
                "dim": DIM,
                "rows": rows,
                "device": args.device,
                "hardware": hardware,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "commit": commit.stdout.strip(),
            }
        )
    )


if __name__ == "__main__":
    main()

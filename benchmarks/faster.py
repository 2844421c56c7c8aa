"""Three ways to run the same encoder faster on a CPU, each beside the plain one in turns: processor seconds, JSON lines.

``compile``: blocks through torch.compile, in both precisions, at two photo sizes (openai/clip-vit-base-patch16's shape,
random weights; ``first_s`` is what the first photo costs, less where an earlier run kept something). ``channels-last``: the
patch embedding alone, and its share of a pass. ``int8``: the exported graph in ONNX Runtime beside the one of float32, and
how far the answers of ``tiny`` and ``tiny-plain`` move on drawn scenes. Run: python benchmarks/faster.py [WAY ...]
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

import tagalign as ta
from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import OBJECTS
from tagalign.export.int8 import int8_loss, quantise
from tagalign.export.onnx import DenseGraph, exportable, trace
from tagalign.ops.precision import multiplies_bf16, resolve_precision
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

SIZES = ((448, 448), (448, 592))


def in_turns(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Processor seconds of each job, all jobs in each round."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for repeat in range(repeats + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if repeat:  # the first round warms up
                times[name].append(time.process_time() - start)
    return times


def ratio(plain: list[float], other: list[float]) -> float:
    """Of each round, then the median: a disturbed round moves one value."""
    return round(median(a / b for a, b in zip(plain, other, strict=True)), 3)


def compiled_blocks(folder: Path, repeats: int) -> list[dict[str, object]]:
    """A line a precision."""
    made = str(make_clip_folder(folder / "vit", **VIT_B16))
    rows: list[dict[str, object]] = []
    for precision in dict.fromkeys(("fp32", resolve_precision("auto", torch.device("cpu")))):
        plain, other = (load_backbone(made, precision=precision, compile=one) for one in (False, True))
        row: dict[str, object] = {"way": "compile", "precision": precision}
        for height, width in SIZES:
            pixels = torch.randn(1, 3, height, width)
            start = time.perf_counter()
            moved = other.encode_dense(pixels, mode="clip").patches
            row[f"first_s_{height}x{width}"] = round(time.perf_counter() - start, 1)
            right = plain.encode_dense(pixels, mode="clip").patches
            row["largest_difference"] = float(f"{(moved - right).abs().max() / right.abs().max():.1e}")
            jobs = {
                "plain": lambda plain=plain, pixels=pixels: plain.encode_dense(pixels, mode="clip"),
                "compiled": lambda other=other, pixels=pixels: other.encode_dense(pixels, mode="clip"),
            }
            times = in_turns(jobs, repeats)
            row[f"faster_{height}x{width}"] = ratio(times["plain"], times["compiled"])
        rows.append(row)
    return rows


def channels_last(folder: Path, repeats: int) -> list[dict[str, object]]:
    """The patch embedding in both layouts; its outputs go into rows of tokens in either case."""
    encoder = load_backbone(str(make_clip_folder(folder / "vit", **VIT_B16)))
    pixels = torch.randn(4, 3, *SIZES[0])
    conv = encoder.vision.patches  # type: ignore[attr-defined]
    weight = conv.weight.detach().contiguous(memory_format=torch.channels_last)

    def rows_of(maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(2).transpose(1, 2).contiguous()

    @torch.inference_mode()
    def plain() -> torch.Tensor:
        return rows_of(conv(pixels))

    @torch.inference_mode()
    def last() -> torch.Tensor:
        laid = pixels.contiguous(memory_format=torch.channels_last)  # photos come one channel after the other
        return rows_of(torch.nn.functional.conv2d(laid, weight, conv.bias, stride=conv.stride))

    times = in_turns({"plain": plain, "last": last}, 10 * repeats)
    whole = in_turns({"pass": lambda: encoder.encode_dense(pixels[:1], mode="clip")}, repeats)
    share = median(times["plain"]) / len(pixels) / median(whole["pass"])
    return [
        {
            "way": "channels-last",
            "faster": ratio(times["plain"], times["last"]),
            "share_of_a_pass": round(share, 4),
        }
    ]


def int8(folder: Path, repeats: int) -> list[dict[str, object]]:
    """Rate at full size; what is lost with the packaged encoders, whose weights mean something."""
    import onnxruntime

    rows: list[dict[str, object]] = []
    full_size = str(make_clip_folder(folder / "vit", **VIT_B16))
    for name in (full_size, "tiny", "tiny-plain"):
        model = ta.load(name, method="maskclip", device="cpu")
        dense, labels = exportable(model.implementation), model.encode_labels(list(OBJECTS))
        graph = DenseGraph(dense, both=dense.clip_weight > 0).eval()
        path = folder / f"{Path(name).name}.onnx"
        trace(graph, path, dense.backbone.patch_size)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        full = onnxruntime.InferenceSession(path, options)
        quantise(path)
        low = onnxruntime.InferenceSession(path, options)
        row: dict[str, object] = {"way": "int8", "model": "vit_b16" if name == full_size else name}
        if name == full_size:
            pixels = np.random.default_rng(0).normal(size=(1, 3, *SIZES[0])).astype(np.float32)
            tensor = torch.from_numpy(pixels)
            with torch.inference_mode():
                times = in_turns(
                    {
                        "torch": lambda tensor=tensor, graph=graph: graph(tensor),
                        "full": lambda pixels=pixels, full=full: full.run(None, {"pixels": pixels}),
                        "int8": lambda pixels=pixels, low=low: low.run(None, {"pixels": pixels}),
                    },
                    repeats,
                )
            row |= {
                "faster_than_onnx_fp32": ratio(times["full"], times["int8"]),
                "faster_than_torch_fp32": ratio(times["torch"], times["int8"]),
            }
        else:
            row |= vars(int8_loss(full, low, dense, labels))
        rows.append(row)
    return rows


WAYS = {"compile": compiled_blocks, "channels-last": channels_last, "int8": int8}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ways", nargs="*", metavar="WAY", help=", ".join(WAYS))
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
    for way in settings.ways or WAYS:
        with tempfile.TemporaryDirectory() as folder:
            for row in WAYS[way](Path(folder), settings.repeats):
                print(json.dumps(row | machine), flush=True)


if __name__ == "__main__":
    main()

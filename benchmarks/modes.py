"""Time of every dense mode and refinement over the bare encoder pass, and the memory it takes: ViT-B/16, random weights.

One line of JSON per mode or refinement. Times are the process's own on one core, so that what else the machine does counts
for little, and modes are timed against transformers' own tower in turns, so that it falls on both; a mode's time is all of
``encode_images`` after decoding. Refinements are timed by
themselves, on maps of one image, and named as a share of a bare pass of one image. Peak memory is that of a process of its
own above what it held before the call. Run: python benchmarks/modes.py [--batch 4] [--size 448] [--repeats 3] [--only rcs]
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from process_memory import status_bytes
from transformers import CLIPModel

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.methods.dense.canvas import Canvas
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import options_of_mode
from tagalign.methods.load import load_method
from tagalign.methods.resources import Resources
from tagalign.ops.refine import REFINEMENTS
from tagalign.tags.label_sets import label_set_of
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

WINDOW, STRIDE = 224, 112


def seconds(function: Callable[[], object]) -> float:
    """Of one call, on the processor."""
    start = time.process_time()
    function()
    return time.process_time() - start


def ratios(own: Callable[[], object], bare: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median over rounds of the ratio of both, and median seconds of the own; the first round warms up."""
    rounds = [(seconds(bare), seconds(own)) for _ in range(repeats + 1)][1:]
    return median(o / b for b, o in rounds), median(o for _, o in rounds)


def canvas_of(method: DenseMethod, size: int) -> Canvas:
    """Noise of a size, laid as the method lays a photo."""
    noise = Image.effect_noise((size, size), 80).convert("RGB")
    return method.canvas_rule.lay(noise, method.preprocessing)


def peak_mb(folder: str, mode: str, size: int, batch: int) -> float:
    """Peak memory above what the process held before, in MB: a process of its own, because peaks never fall."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (folder, mode, size, batch))


@torch.inference_mode()
def _peak(folder: str, mode: str, size: int, batch: int) -> float:
    torch.set_num_threads(1)
    backbone = load_backbone(folder)
    pixels = torch.randn(batch, 3, size, size)
    backbone.encode_dense(pixels[:1, :, :64, :64], mode=mode)
    before = status_bytes("VmHWM")  # ru_maxrss keeps the peak of the process that started this one
    backbone.encode_dense(pixels, mode=mode)
    return (status_bytes("VmHWM") - before) / 2**20


def measure_modes(folder: str, args: argparse.Namespace) -> None:
    """A line per mode, and per mode with stitched windows over the same windows without."""
    backbone = load_backbone(folder)
    theirs = CLIPModel.from_pretrained(folder).eval().vision_model  # the yardstick is not our own code
    resources = Resources(batch_size=args.batch)
    pixels = torch.randn(args.batch, 3, args.size, args.size)

    def bare() -> None:
        theirs(pixels, interpolate_pos_encoding=True)

    def encode(method: DenseMethod) -> Callable[[], object]:
        canvas = canvas_of(method, args.size)
        return lambda: method.encode_canvases([canvas] * args.batch)

    for mode in args.only or DENSE_MODES:
        if mode not in DENSE_MODES:
            continue
        options = options_of_mode(mode)
        whole = DenseMethod(
            backbone, options(short_side=args.size), method=mode, mode=mode, resources=resources
        )
        over, taken = ratios(encode(whole), bare, args.repeats)
        line = {"mode": mode, "over_bare": round(over, 3), "seconds": round(taken, 3)}
        if args.peak:
            line["peak_mb"] = round(peak_mb(folder, mode, args.size, args.batch))
        if args.stitch:
            cut = {"short_side": args.size, "window": WINDOW, "stride": STRIDE}
            pair = [
                DenseMethod(backbone, options(**cut, stitch=s), method=mode, mode=mode, resources=resources)
                for s in (True, False)
            ]
            line["stitch_over_windows"] = round(ratios(*map(encode, pair), args.repeats)[0], 3)
        print(json.dumps(line), flush=True)


def measure_refinements(folder: str, args: argparse.Namespace) -> None:
    """A line per refinement and number of names: seconds for one image, as a share of a bare pass of one image."""
    theirs = CLIPModel.from_pretrained(folder).eval().vision_model
    pixels = torch.randn(args.batch, 3, args.size, args.size)

    def bare() -> None:
        theirs(pixels, interpolate_pos_encoding=True)

    photo = Image.effect_noise((args.size, args.size), 80).convert("RGB")
    for name in REFINEMENTS:
        if args.only and name not in args.only:
            continue
        for count in args.names:
            pair = []
            for refine in (name, "none"):
                method = load_method(folder, method="maskclip", refine=refine, short_side=args.size)
                image, labels = method.encode_images([photo])[0], method.encode_labels(_names(count))
                pair.append(lambda m=method, i=image, e=labels: m.segment(i, e, photo=photo))
            taken = median(seconds(pair[0]) - seconds(pair[1]) for _ in range(args.repeats))
            one = median(seconds(bare) for _ in range(args.repeats)) / args.batch
            line = {"refine": name, "names": count, "over_bare": round(taken / one, 3)}
            print(json.dumps(line | {"seconds": round(taken, 3)}), flush=True)


def _names(count: int):
    return label_set_of([f"thing {i}" for i in range(count)])


@torch.inference_mode()
def main() -> None:
    """Print all lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--names", type=int, nargs="+", default=[21, 150])
    parser.add_argument("--only", nargs="+", help="modes and refinements; all when left out")
    parser.add_argument("--peak", action=argparse.BooleanOptionalAction, default=True, help="peak memory too")
    parser.add_argument("--stitch", action="store_true", help="also windows, joined and not")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        folder = str(make_clip_folder(Path(home), **VIT_B16))
        measure_modes(folder, args)
        measure_refinements(folder, args)


if __name__ == "__main__":
    main()

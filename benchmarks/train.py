"""Training speed end to end, from tars of JPEGs to updated weights: ViT-B/16 shape, 10,000 tags, profile ``paper``.

Prints one JSON line: images/s end to end and from cached features, of the encoder alone with its share of the
hardware's peak (FLOPs counted by PyTorch on the real calls), of the data loader alone, and the peak memory.
``end_to_end_over_encoder`` is the share of the encoder's own rate that training keeps, ``arithmetic_leaves`` what is left of
it where every multiplication takes as long as the encoder's: the paper's four convolutions forward and backward are two
thirds of a ViT-B/16, so no code keeps 0.9 with them; ``--blocks 0`` trains CLIP's own head alone.
On a GPU: python benchmarks/train.py. On a CPU the defaults are small: the line shows that it runs, not what it could do.
"""

import argparse
import io
import json
import os
import platform
import resource
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peak import stated_tflops
from PIL import Image, ImageFilter
from torch.utils.flop_counter import FlopCounterMode

from tagalign.backbones.load import load_backbone
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.data.pairs import find_shards
from tagalign.data.pixel_pairs import PixelPlan, pixel_source
from tagalign.data.tag_table import TagTable
from tagalign.methods.dense.projector import NUM_BLOCKS, Projector, pool
from tagalign.tags.row_hashes import key_hash
from tagalign.tags.vocabulary import TagLabels, TagVocabulary
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder
from tagalign.train.loop.log import read_metrics
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

TAGS, TAGS_PER_IMAGE, SHORT, LONG = 10_000, 5, 256, 342
# the random encoder's tokenizer knows letters: about as many tokens as words and marks of a caption of the web
CAPTION = "a photo of no. {}"


def jpeg(number: int) -> bytes:
    """A JPEG of 20 to 30 KB: smooth shapes with fine grain, about as hard to code as a photo."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 11, 3), dtype=np.uint8)).resize(
        (LONG, SHORT), Image.Resampling.BICUBIC
    )
    grain = Image.fromarray(rng.integers(0, 256, (SHORT, LONG, 3), dtype=np.uint8)).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    image, best = Image.blend(coarse, grain, 0.35), b""
    for quality in (85, 75, 65, 55, 45, 35):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        best = out.getvalue()
        if len(best) <= 30_000:
            break
    return best


def write_tar(job: tuple[Path, range]) -> int:
    path, numbers = job
    total = 0
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            members = {"jpg": jpeg(number), "txt": CAPTION.format(number).encode()}
            total += len(members["jpg"])
            for ending, content in members.items():
                info = tarfile.TarInfo(f"{number:09d}.{ending}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return total


def write_tars(folder: Path, images: int, per_tar: int = 512) -> float:
    """Mean bytes per JPEG."""
    jobs = [
        (folder / f"{i:05d}.tar", range(start, min(start + per_tar, images)))
        for i, start in enumerate(range(0, images, per_tar))
    ]
    with ProcessPoolExecutor() as pool:
        return sum(pool.map(write_tar, jobs)) / images


def tag_table(images: int) -> TagTable:
    rng = np.random.default_rng(0)
    hashes = np.array([key_hash(f"{n:09d}") for n in range(images)], dtype=np.int64)
    return TagTable(hashes, labels(rng, images))


def labels(rng: np.random.Generator, images: int) -> TagLabels:
    ids = np.sort(rng.integers(0, TAGS, (images, TAGS_PER_IMAGE)), axis=1).astype(np.int32)
    return TagLabels(np.arange(images + 1, dtype=np.int64) * TAGS_PER_IMAGE, ids.reshape(-1))


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def rate(batches: Iterator[Any], images: int, device: torch.device, *, warmup: int) -> float:
    """Images per second of an iterator of things with a length."""
    for _ in range(warmup):
        next(batches)
    wait(device)
    start, seen = time.perf_counter(), 0
    while seen < images:
        seen += len(next(batches))
    wait(device)
    return seen / (time.perf_counter() - start)


def encoder_rate(
    backbone: BlockBackbone, plan: PixelPlan, source: Any, encode: Any, images: int
) -> tuple[float, float]:
    """Images per second of the frozen encoder (captions left out), and its FLOPs per image."""
    chunk = next(source.batches()).chunks[0].to(backbone.device)
    pixels = chunk.pixels
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        backbone.encode_dense(torch.zeros(1, 3, *pixels.shape[2:], device=backbone.device), mode=plan.mode)
    encode.with_texts = False

    def forever() -> Iterator[Any]:
        from tagalign.data.batches import PixelChunks

        while True:
            yield encode(PixelChunks(chunks=(chunk,)))

    speed = rate(forever(), images, backbone.device, warmup=3)
    encode.with_texts = True
    return speed, float(counter.get_total_flops())


def training_flops(backbone: BlockBackbone, source: Any, blocks: int) -> float:
    """FLOPs per image beside the image encoder: of the captions' encoder, and of the projector forward and backward."""
    chunk = next(source.batches()).chunks[0].to(backbone.device)
    projector = Projector.from_backbone(backbone, num_blocks=blocks)
    with torch.no_grad(), FlopCounterMode(display=False) as words:
        texts = backbone.encode_ids(chunk.caption_ids)
    features = torch.zeros(
        1, backbone.width, *backbone.grid_of(*chunk.pixels.shape[2:]), device=backbone.device
    )
    with FlopCounterMode(display=False) as steps:
        pool(projector(features)).sum().backward()
    return float(words.get_total_flops()) / len(texts) + float(steps.get_total_flops())


def end_to_end(backbone: BlockBackbone, data: TrainingPairs, plan: TagAlignPlan, out: Path) -> float:
    """Median images per second of the logged steps after the first fifth."""
    train_tagalign(backbone, data, plan, out_dir=out)
    rates = [row["images_per_s"] for row in read_metrics(out / "metrics.jsonl")]
    return float(np.median(rates[max(1, len(rates) // 5) :]))


def shares(out: Path) -> dict[str, float]:
    """Where the time of the steps after the first fifth went."""
    rows = read_metrics(out / "metrics.jsonl")
    rows = rows[max(1, len(rows) // 5) :]
    names = [name for name in rows[0] if name.startswith("share_")]
    return {
        name.removeprefix("share_"): round(float(np.mean([row[name] for row in rows])), 3) for name in names
    }


def peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=16_384 if on_gpu else 64)
    parser.add_argument("--batch-size", type=int, default=4096 if on_gpu else 16)
    parser.add_argument("--chunk", type=int, default=512 if on_gpu else 16)
    parser.add_argument("--steps", type=int, default=15 if on_gpu else 3)
    parser.add_argument("--cached-images", type=int, default=16_384 if on_gpu else 64)
    parser.add_argument("--blocks", type=int, default=NUM_BLOCKS, help="gated convolutions of the projector")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16" if on_gpu else "fp32")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=on_gpu)
    args = parser.parse_args()
    device = torch.device("cuda" if on_gpu else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(args, Path(temporary), device)))


def measure(args: argparse.Namespace, folder: Path, device: torch.device) -> dict[str, Any]:
    (folder / "tars").mkdir()
    jpeg_bytes = write_tars(folder / "tars", args.images)
    backbone = load_backbone(str(make_clip_folder(folder / "clip", **VIT_B16)), device=device)
    refs, table = find_shards([folder / "tars"]), tag_table(args.images)
    plan = PixelPlan(
        precision=args.precision, compile_encoder=args.compile, chunk=args.chunk, workers=args.workers
    )
    source, encode = pixel_source(backbone, refs, table, plan, batch_size=args.batch_size)
    rng = np.random.default_rng(0)
    tag_embeds = torch.from_numpy(rng.standard_normal((TAGS, backbone.embed_dim), dtype=np.float32))
    pairs = TrainingPairs(
        pairs=source,
        encode=encode,
        vocabulary=TagVocabulary.of([("object", f"tag {i}", TAGS - i) for i in range(TAGS)]),
        tag_embeds=tag_embeds.to(device),
    )
    run = TagAlignPlan(
        steps=args.steps,
        batch_size=args.batch_size,
        num_blocks=args.blocks,
        precision=args.precision,
        compile_network=args.compile,
        log_every=1,
        checkpoint_every=0,
    )
    loader = rate(source.batches(), args.images, device, warmup=1)
    encoder, flops = encoder_rate(backbone, plan, source, encode, args.images)
    added = training_flops(backbone, source, args.blocks)
    whole = end_to_end(backbone, pairs, run, folder / "pixels")
    memory = peak_memory(device)
    stored = replace(pairs, pairs=random_features(args, backbone, rng), encode=None)
    cached = end_to_end(backbone, stored, run, folder / "cached")
    name = (
        torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    )
    peak = stated_tflops(name)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "benchmark": "train",
        "images_per_s": round(whole, 1),
        "cached_images_per_s": round(cached, 1),
        "encoder_images_per_s": round(encoder, 1),
        "loader_images_per_s": round(loader, 1),
        "end_to_end_over_encoder": round(whole / encoder, 3),
        "arithmetic_leaves": round(flops / (flops + added), 3),
        "blocks": args.blocks,
        "encoder_gflop_per_image": round(flops / 1e9, 2),
        "training_gflop_per_image": round(added / 1e9, 2),
        "encoder_tflops": round(encoder * flops / 1e12, 3),
        "peak_tflops": peak,
        "encoder_share_of_peak": round(encoder * flops / 1e12 / peak, 4) if peak else None,
        "peak_memory_gb": round(memory / 1e9, 2),
        "shares": shares(folder / "pixels"),
        "jpeg_kb": round(jpeg_bytes / 1000, 1),
        "batch_size": args.batch_size,
        "tags": TAGS,
        "workers": args.workers,
        "precision": args.precision,
        "compiled": args.compile,
        "hardware": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "commit": commit.stdout.strip(),
    }


def random_features(
    args: argparse.Namespace, backbone: BlockBackbone, rng: np.random.Generator
) -> FeaturePairs:
    """Pairs as a feature cache in memory would hold them."""
    size = backbone.preprocessing.image_size
    grid = backbone.grid_of(size, size)
    count = args.cached_images
    features = torch.empty(count, grid[0] * grid[1], backbone.width, dtype=torch.float16)
    for part in features.split(256):
        part.copy_(torch.randn(part.shape))
    return FeaturePairs(
        store=MemoryStore(features=features, grid=grid),
        images=np.arange(count),
        texts=torch.randn(count, backbone.embed_dim).half(),
        labels=labels(rng, count),
    )


if __name__ == "__main__":
    main()

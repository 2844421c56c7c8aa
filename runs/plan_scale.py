"""What CC12M costs end to end on 1, 8 and 64 GPUs: python runs/plan_scale.py [--gpu-rate 3000] ... (Markdown on stdout).

Every rate is a flag; the defaults are those that docs/scale.md names with their source. Nothing is measured here.
"""

import argparse
import math

PAIRS = 12_400_000  # CC12M as published; about a fifth of the links are dead
ALIVE = 0.82
STEPS, BATCH = 30_000, 4096  # the paper
PROJECTOR_BYTES = 21_637_636 * 4  # gradients of ViT-B/16's projector and head in float32
JPEG_BYTES = 25_000  # short side 256
FEATURE_BYTES = 196 * 768 * 2  # ViT-B/16, float16


def hours(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plan(gpus: int, args: argparse.Namespace) -> dict[str, str]:
    samples, images = STEPS * BATCH, PAIRS * ALIVE
    compute = BATCH / gpus / args.gpu_rate
    # a ring sends the gradients twice; within a node the links are fast enough to be forgotten
    network = 0.0 if gpus <= 8 else 2 * PROJECTOR_BYTES / (args.network_gbyte * 1e9)
    step = compute + network
    rate = BATCH / step
    cores_needed = rate * args.decode_ms / 1000
    cores = gpus * args.cores_per_gpu
    limit = min(
        rate, cores / args.decode_ms * 1000, args.storage_gbyte * 1e9 / JPEG_BYTES * math.ceil(gpus / 8)
    )
    train = samples / limit
    parse = PAIRS / (args.parse_rate * cores)
    # the encoder alone is about 60 % of a step; a cache is filled by one process
    cache = images / min(args.gpu_rate * 1.6, args.cores_per_gpu / args.decode_ms * 1000)
    bottleneck = "GPU"
    if limit < rate:
        bottleneck = "decoding" if cores / args.decode_ms * 1000 <= limit else "storage"
    elif network > 0.2 * step:
        bottleneck = "network"
    cost = (train * gpus * args.gpu_price + parse * cores * args.core_price) / 3600
    return {
        "GPUs": str(gpus),
        "parse, label": hours(parse),
        "images/s": f"{limit:,.0f}",
        "train": hours(train),
        "decode cores busy": f"{min(cores_needed, cores):,.0f} of {cores}",
        "read": f"{limit * JPEG_BYTES / 1e9:.1f} GB/s",
        "network share": f"{100 * network / step:.0f} %",
        "fill a feature cache": hours(cache) if gpus == 1 else "-",
        "bottleneck": bottleneck,
        "cost": f"${cost:,.0f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--gpu-rate", type=float, default=3000.0, help="images/s of one GPU, end to end, data excluded"
    )
    parser.add_argument("--decode-ms", type=float, default=3.2, help="CPU milliseconds per image")
    parser.add_argument(
        "--parse-rate", type=float, default=7000.0, help="captions/s of one core: parsed, counted, labelled"
    )
    parser.add_argument("--cores-per-gpu", type=int, default=16)
    parser.add_argument("--storage-gbyte", type=float, default=5.0, help="GB/s a node of eight GPUs can read")
    parser.add_argument("--network-gbyte", type=float, default=40.0, help="GB/s between nodes, per GPU")
    parser.add_argument(
        "--gpu-price", type=float, default=2.5, help="dollars per GPU hour, its cores included"
    )
    parser.add_argument("--core-price", type=float, default=0.04, help="dollars per core hour")
    args = parser.parse_args()
    rows = [plan(gpus, args) for gpus in (1, 8, 64)]
    print(f"| {' | '.join(rows[0])} |")
    print(f"|{'--:|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(row.values())} |")
    images = PAIRS * ALIVE
    print(
        f"\nStorage: tars {images * JPEG_BYTES / 1e12:.2f} TB, features {images * FEATURE_BYTES / 1e12:.1f} TB in float16, "
        f"{images * FEATURE_BYTES / 2e12:.1f} TB in float8, tag rows about {PAIRS * 60 / 1e9:.1f} GB, label rows about "
        f"{PAIRS * 25 / 1e9:.1f} GB, memory of the tag table {PAIRS * (8 + 8 + 8 + 5 * 4) / 1e9:.1f} GB per process."
    )


if __name__ == "__main__":
    main()

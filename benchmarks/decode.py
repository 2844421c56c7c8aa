"""Processor milliseconds to open and resize a JPEG whole, as training does and for speed, and what that changes.

Training decodes a draft, at 1/2, 1/4 or 1/8, so that at least twice the short side that the model sees is left; for speed
(``--fast-decode``) the resize is the vector units' beside. Photos are drawn scenes enlarged, with the grain of a sensor;
``--folder`` takes the JPEGs of a folder instead, say of COCO. The ways take turns; pixels are compared as the model sees
them, of 255. A JSON line per size. Run: python benchmarks/decode.py [--folder PHOTOS] [--photos 8]
"""

import argparse
import io
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tagalign.backbones.pixels import resize
from tagalign.backbones.preprocess import open_image, short_side_size
from tagalign.data.augment import decode
from tagalign.data.tiny_world import TinyWorld
from tagalign.tasks.photos.job import DECODED

SIZES = {"2 megapixels": (1632, 1224), "12 megapixels": (4000, 3000)}


def jpegs(size: tuple[int, int], count: int) -> list[bytes]:
    """Enlarged scenes with grain, of quality 90."""
    rng = np.random.default_rng(0)
    files = []
    for scene in TinyWorld(seed=0, split="decode").take(count):
        large = np.asarray(Image.fromarray(scene.image).resize(size, Image.Resampling.BICUBIC), np.float32)
        grainy = np.clip(large + rng.normal(0, 4, large.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(grainy).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def lots(folder: Path | None, count: int) -> Iterator[tuple[str, list[bytes]]]:
    """Photos of one kind, and what kind it is."""
    if folder is None:
        yield from ((name, jpegs(size, count)) for name, size in SIZES.items())
        return
    files = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))[:count]]
    sizes = [Image.open(io.BytesIO(raw)).size for raw in files]
    yield f"{statistics.median(w * h for w, h in sizes) / 1e6:.2f} megapixels", files


def seen(image: Image.Image, short_side: int) -> Image.Image:
    """The photo at the size that the model sees."""
    return resize(image, short_side_size((image.height, image.width), short_side))


def whole(raw: bytes, short_side: int) -> Image.Image:
    return seen(open_image(Image.open(io.BytesIO(raw))), short_side)


def draft(raw: bytes, short_side: int) -> Image.Image:
    return seen(decode(raw, at_least=short_side), short_side)


def fast(raw: bytes, short_side: int) -> Image.Image:
    def least(size: tuple[int, int]) -> tuple[int, int]:
        height, width = short_side_size(size, short_side)
        return DECODED * height, DECODED * width

    return seen(open_image(Image.open(io.BytesIO(raw)), seen=least), short_side)


WAYS = (whole, draft, fast)


def compared(files: list[bytes], short_side: int) -> dict[str, float]:
    """Medians of milliseconds, and differences from the photo that was opened whole."""
    spent: dict[str, list[float]] = {way.__name__: [] for way in WAYS}
    gaps: dict[str, list[np.ndarray]] = {way.__name__: [] for way in WAYS[1:]}
    for raw in files:
        pixels = {}
        for way in WAYS:
            started = time.process_time()
            small = way(raw, short_side)
            spent[way.__name__].append(1000 * (time.process_time() - started))
            pixels[way.__name__] = np.asarray(small, np.float32)
        for name, gap in gaps.items():
            gap.append(np.abs(pixels["whole"] - pixels[name]))
    ms = {name: statistics.median(values) for name, values in spent.items()}
    return {
        **{f"{name}_cpu_ms": round(value, 1) for name, value in ms.items()},
        **{f"whole_over_{name}": round(ms["whole"] / ms[name], 2) for name in gaps},
        **{f"{name}_per_s_of_two_cores": round(2000 / value) for name, value in ms.items()},
        **{
            f"{name}_mean_difference": round(float(np.mean([g.mean() for g in gap])), 3)
            for name, gap in gaps.items()
        },
        **{f"{name}_largest_difference": max(int(g.max()) for g in gap) for name, gap in gaps.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="of JPEGs, in the place of enlarged scenes")
    parser.add_argument("--short-side", type=int, default=224)
    args = parser.parse_args()
    for name, files in lots(args.folder, args.photos):
        row = {"benchmark": "decode", "photo": name, "short_side": args.short_side}
        print(json.dumps(row | compared(files, args.short_side)), flush=True)


if __name__ == "__main__":
    main()

"""Segment a photo with an exported model: NumPy, Pillow and ONNX Runtime, no PyTorch.

First:  tagalign export onnx --model openai/clip-vit-base-patch16 --labels "dog,grass,sky" --out exported
Then:   python onnx_segment.py exported photo.jpg mask.png
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def open_photo(path: str) -> Image.Image:
    """Upright and RGB as ``tagalign`` opens it: transparent pixels on white, 16-bit grey by its range."""
    photo = ImageOps.exif_transpose(Image.open(path))
    if photo.mode == "F" or (photo.mode.startswith("I") and np.asarray(photo).min() < 0):
        sys.exit(f"{path}: float or signed grey; save it with 8 or 16 bits first")
    if photo.mode.startswith("I"):
        grey = np.asarray(photo).astype(np.uint32)
        full = next((full for full in (255, 1023, 4095) if 0 < grey.max() <= full), 65535)
        grey = grey >> 8 if full == 65535 else np.rint(grey / full * 255)
        photo = Image.fromarray(grey.astype(np.uint8))
    if photo.mode in {"RGBA", "LA", "PA"} or "transparency" in photo.info:
        rgba = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return photo.convert("RGB")


def canvas_size(height: int, width: int, config: dict) -> tuple[int, int]:
    """Short side at the model's, ratio kept, long side bounded."""
    scale = min(config["short_side"] / min(height, width), config["max_side"] / max(height, width))
    patch = config["patch_size"]
    return max(patch, int(height * scale + 0.5)), max(patch, int(width * scale + 0.5))


def pixels_of(photo: Image.Image, config: dict) -> np.ndarray:
    """Resized and normalised, as (1, 3, height, width)."""
    height, width = canvas_size(photo.height, photo.width, config)
    resized = photo.resize((width, height), Image.Resampling.BICUBIC)
    normalised = (np.asarray(resized, np.float32) / 255 - config["mean"]) / config["std"]
    return normalised.transpose(2, 0, 1)[None].astype(np.float32)


def unit(x: np.ndarray, axis: int) -> np.ndarray:
    """Unit length along an axis."""
    return x / np.maximum(np.linalg.norm(x, axis=axis, keepdims=True), 1e-6)


def cosines(maps: np.ndarray, labels: dict, num_labels: int) -> np.ndarray:
    """Cosine of every patch with every label; a label with aliases counts as its best one."""
    rows = np.einsum("ld,dhw->lhw", labels["embeds"], unit(maps, axis=0))
    return np.stack([rows[labels["owners"] == i].max(axis=0) for i in range(num_labels)])


def enlarge(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, one map at a time."""
    bilinear = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(m).resize((width, height), bilinear)) for m in maps])


def probabilities(maps: np.ndarray, photo: Image.Image, config: dict) -> np.ndarray:
    """Of each label at each pixel of the photo, in the order the model's profile asks for."""

    def sigmoid(cosine: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(config["scale"] * cosine + config["bias"])))

    maps = maps.astype(np.float32)
    if config["sigmoid_first"]:
        return enlarge(sigmoid(maps), photo.height, photo.width)
    return sigmoid(enlarge(maps, photo.height, photo.width))


def segment(folder: Path, photo: Image.Image) -> tuple[np.ndarray, list[str]]:
    """Label ids of every pixel, and their names."""
    config = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    labels = dict(np.load(folder / "labels.npz"))
    session = onnxruntime.InferenceSession(folder / "encoder.onnx", providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"pixels": pixels_of(photo, config)})
    if not all(np.isfinite(output).all() for output in outputs):
        sys.exit("the maps of the graph hold NaN or infinity; export the model again, or run it in float32")
    weights = [1.0] if len(outputs) == 1 else [1 - config["clip_weight"], config["clip_weight"]]
    names = config["names"]
    maps = sum(
        weight * probabilities(cosines(output[0], labels, len(names)), photo, config)
        for weight, output in zip(weights, outputs, strict=True)
    )
    ids = maps.argmax(axis=0)
    if config["threshold"] is None:
        return ids, names
    return np.where(maps.max(axis=0) > config["threshold"], ids + 1, 0), ["background", *names]


def main(folder: str, photo_file: str, mask_file: str) -> None:
    """Write the label map and print the share of every label."""
    ids, names = segment(Path(folder), open_photo(photo_file))
    Image.fromarray(ids.astype(np.uint8)).save(mask_file)
    for i, name in enumerate(names):
        print(f"{(ids == i).mean():6.1%}  {name}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])

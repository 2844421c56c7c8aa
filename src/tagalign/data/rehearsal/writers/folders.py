"""Cityscapes, ADE20K and ImageNet-S: a tree of pictures beside a tree of masks."""

import numpy as np
from PIL import Image

from tagalign.data.benchmarks.folders import CITYSCAPES_IDS
from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.writers.files import save_picture
from tagalign.labels import WIDE_IGNORE

CITYSCAPES_SIZE, ADE20K_SIZE, IMAGENET_SIZE = (1024, 2048), (512, 683), (375, 500)
CITYSCAPES_SHAPES, ADE20K_SHAPES = 12, 9
CITIES = {"val": ("frankfurt", "lindau", "munster"), "train": ("aachen", "bochum", "bremen", "cologne")}
LARGE_EVERY = 20  # ImageNet pictures above a megapixel, which the benchmark shrinks


def write_cityscapes(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and ``labelIds`` masks, by city."""
    cities = CITIES[request.split]
    for i in watch(range(request.images), request.images):
        scene = request.scene(4 * i, CITYSCAPES_SIZE, 19, CITYSCAPES_SHAPES)  # none stands upright
        city = cities[i % len(cities)]
        stem = f"{request.split}/{city}/{city}_{i:06d}_000019"
        save_picture(scene.picture(), request.folder / f"leftImg8bit/{stem}_leftImg8bit.png")
        save_picture(scene.ids(CITYSCAPES_IDS, 0), request.folder / f"gtFine/{stem}_gtFine_labelIds.png")


def write_ade20k(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and masks: 1 to 150, 0 for other things."""
    folder = request.folder / "ADEChallengeData2016"
    short = "val" if request.split == "validation" else "train"
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, ADE20K_SIZE, 150, ADE20K_SHAPES)
        stem = f"{request.split}/ADE_{short}_{i + 1:08d}"
        save_picture(scene.picture(), folder / f"images/{stem}.jpg")
        save_picture(scene.ids(range(1, 151), 0), folder / f"annotations/{stem}.png")


def write_ade20k_847(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and 16-bit masks, as MaskFormer converts them: 0 to 846, 65535 for other things."""
    folder = request.folder / "ADE20K_2021_17_01"
    short = "val" if request.split == "validation" else "train"
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, ADE20K_SIZE, 847, ADE20K_SHAPES)
        stem = f"{request.split}/ADE_{short}_{i + 1:08d}"
        save_picture(scene.picture(), folder / f"images_detectron2/{stem}.jpg")
        save_picture(scene.ids(range(847), WIDE_IGNORE), folder / f"annotations_detectron2/{stem}.tif")


def write_imagenet_s(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures by class folder, masks of two bytes: red + 256 green; some pictures exceed a megapixel."""
    size = int(request.benchmark.name.rpartition("-")[2])
    folder = request.folder / f"ImageNetS{size}"
    short = "val" if request.split == "validation" else "train"
    for i in watch(range(request.images), request.images):
        large = i % LARGE_EVERY == LARGE_EVERY - 1
        scene = request.scene(i, (1125, 1500) if large else IMAGENET_SIZE, size, 1)
        stem = f"n{1_440_764 + i % size:08d}/ILSVRC2012_{short}_{i + 1:08d}"
        save_picture(scene.picture(), folder / f"{request.split}/{stem}.JPEG")
        ids = np.asarray(scene.ids(range(1, size + 1), 0)).astype(np.int64)
        channels = np.stack([ids % 256, ids // 256, np.zeros_like(ids)], axis=-1).astype(np.uint8)
        save_picture(Image.fromarray(channels), folder / f"{request.split}-segmentation/{stem}.png")

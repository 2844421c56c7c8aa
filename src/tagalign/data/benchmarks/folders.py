"""PASCAL Context, Cityscapes, ADE20K with 150 and 847 classes, and ImageNet-S: one folder of images, one of masks."""

from pathlib import Path

from tagalign.data.benchmarks.mask_files import class_table, read_two_byte_mask
from tagalign.data.benchmarks.segmentation_sets import (
    ImageAndMask,
    MaskFolder,
    first_folder,
    pairs_by_name,
    read_list,
)
from tagalign.data.benchmarks.voc import voc_folder
from tagalign.labels import IGNORE, WIDE_IGNORE
from tagalign.tags.label_sets import load_label_set

CONTEXT_60 = class_table({i: i for i in range(60)})
CONTEXT_59 = class_table({i: i - 1 for i in range(1, 60)}, ignored=(0, IGNORE))


def open_context60(root: Path, split: str) -> MaskFolder:
    """Background ("everything else") and 59 labels, converted masks of PASCAL Context."""
    return _context(root, split, "context60", has_background=True)


def open_context59(root: Path, split: str) -> MaskFolder:
    """59 labels; background pixels are ignored."""
    return _context(root, split, "context59", has_background=False)


def _context(root: Path, split: str, name: str, *, has_background: bool) -> MaskFolder:
    folder = voc_folder(root, "VOC2010")
    keys = read_list(folder / f"ImageSets/SegmentationContext/{split}.txt", "one image name per line")
    masks = folder / "SegmentationClassContext"
    return MaskFolder(
        name=name,
        split=split,
        labels=load_label_set("context59"),
        has_background=has_background,
        pairs=tuple(
            ImageAndMask(key=k, image=folder / f"JPEGImages/{k}.jpg", mask=masks / f"{k}.png") for k in keys
        ),
        table=CONTEXT_60 if has_background else CONTEXT_59,
    )


# labelIds of the official files to the 19 evaluated classes; all other ids are void or rare
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
CITYSCAPES_STORED = class_table(
    {stored: label for label, stored in enumerate(CITYSCAPES_IDS)},
    ignored=(*(i for i in range(34) if i not in CITYSCAPES_IDS), IGNORE),
)
CITYSCAPES_TRAIN_IDS = class_table({i: i for i in range(19)})


def open_cityscapes(root: Path, split: str) -> MaskFolder:
    """19 classes, from ``labelTrainIds`` where they were made, else from the official ``labelIds``."""
    images, masks = root / "leftImg8bit" / split, root / "gtFine" / split
    made = next(masks.glob("*/*_gtFine_labelTrainIds.png"), None) is not None
    end = "_gtFine_labelTrainIds.png" if made else "_gtFine_labelIds.png"
    return MaskFolder(
        name="cityscapes",
        split=split,
        labels=load_label_set("cityscapes"),
        has_background=False,
        pairs=pairs_by_name(images, masks, "_leftImg8bit.png", end, pattern="*/*"),
        table=CITYSCAPES_TRAIN_IDS if made else CITYSCAPES_STORED,
    )


ADE20K_847 = class_table({i: i for i in range(847)}, ignored=(WIDE_IGNORE,), ignore=WIDE_IGNORE)
ADE20K = class_table({i: i - 1 for i in range(1, 151)}, ignored=(0, IGNORE))


def open_ade20k(root: Path, split: str) -> MaskFolder:
    """150 classes; stored id 0 ("other") is ignored."""
    folder = first_folder(
        (p for p in (root, root / "ADEChallengeData2016") if (p / "images").is_dir()),
        f"{root}: images of ADE20K",
    )
    return MaskFolder(
        name="ade20k",
        split=split,
        labels=load_label_set("ade20k"),
        has_background=False,
        pairs=pairs_by_name(folder / "images" / split, folder / "annotations" / split, ".jpg", ".png"),
        table=ADE20K,
    )


def open_ade20k_847(root: Path, split: str) -> MaskFolder:
    """847 classes of the full ADE20K, in the 16-bit masks that MaskFormer's conversion makes; 65535 is ignored."""
    folder = first_folder(
        (p for p in (root, root / "ADE20K_2021_17_01") if (p / "images_detectron2").is_dir()),
        f"{root}: images_detectron2 of ADE20K-847",
    )
    images, masks = folder / "images_detectron2" / split, folder / "annotations_detectron2" / split
    return MaskFolder(
        name="ade20k-847",
        split=split,
        labels=load_label_set("ade20k-847"),
        has_background=False,
        pairs=pairs_by_name(images, masks, ".jpg", ".tif"),
        table=ADE20K_847,
        ignore=WIDE_IGNORE,
    )


IMAGENET_S_IGNORED = 1000  # stored id of pixels that are not counted; also ours, because 255 is a label there
IMAGENET_S_MAX_PIXELS = 1_000_000


def open_imagenet_s(root: Path, split: str, *, size: int) -> MaskFolder:
    """ImageNet-S with ``size`` labels (50, 300 or 919) and a background class (stored id 0).

    Images above one megapixel are shrunk to a long side of 1000 pixels, their masks too.
    """
    folder = first_folder(
        (p for p in (root, root / f"ImageNetS{size}") if (p / split).is_dir()),
        f"{root}: ImageNetS{size}/{split}",
    )
    table = class_table(
        {i: i for i in range(size + 1)}, ignored=(IMAGENET_S_IGNORED,), ignore=IMAGENET_S_IGNORED
    )
    return MaskFolder(
        name=f"imagenet-s-{size}",
        split=split,
        labels=load_label_set(f"imagenet-s-{size}"),
        has_background=True,
        pairs=pairs_by_name(folder / split, folder / f"{split}-segmentation", ".JPEG", ".png", pattern="*/*"),
        table=table,
        read=read_two_byte_mask,
        ignore=IMAGENET_S_IGNORED,
        max_pixels=IMAGENET_S_MAX_PIXELS,
    )

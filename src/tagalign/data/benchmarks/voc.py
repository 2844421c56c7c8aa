"""PASCAL VOC: segmentation with and without background, and tagging, from the folder of the official archive."""

from pathlib import Path

import numpy as np
from jaxtyping import Int8

from tagalign.data.benchmarks.mask_files import class_table, ids_to_classes, read_mask
from tagalign.data.benchmarks.segmentation_sets import ImageAndMask, MaskFolder, first_folder, read_list
from tagalign.data.benchmarks.tag_sets import TagSet
from tagalign.errors import DataError
from tagalign.labels import IGNORE
from tagalign.tags.label_sets import load_label_set

WITH_BACKGROUND = class_table({i: i for i in range(21)})
WITHOUT_BACKGROUND = class_table({i: i - 1 for i in range(1, 21)}, ignored=(0, IGNORE))


def open_voc21(root: Path, split: str) -> MaskFolder:
    """Background and 20 objects; the void border (255) is ignored."""
    return _segmentation(root, split, "voc21", WITH_BACKGROUND, has_background=True)


def open_voc20(root: Path, split: str) -> MaskFolder:
    """20 objects; background pixels are ignored like the void border."""
    return _segmentation(root, split, "voc20", WITHOUT_BACKGROUND, has_background=False)


def _segmentation(
    root: Path, split: str, name: str, table: np.ndarray, *, has_background: bool
) -> MaskFolder:
    folder = voc_folder(root, "VOC2012")
    masks = folder / ("SegmentationClassAug" if split == "train_aug" else "SegmentationClass")
    keys = _augmented(folder) if split == "train_aug" else _split(folder, split)
    pairs = (ImageAndMask(key=k, image=folder / f"JPEGImages/{k}.jpg", mask=masks / f"{k}.png") for k in keys)
    return MaskFolder(
        name=name,
        split=split,
        labels=load_label_set("voc20"),
        has_background=has_background,
        pairs=tuple(pairs),
        table=table,
    )


def voc_folder(root: Path, year: str) -> Path:
    """The folder with ``JPEGImages``: the root, or below it as the archives unpack."""
    places = (root, root / year, root / "VOCdevkit" / year)
    return first_folder((p / "JPEGImages" for p in places), f"{root}: JPEGImages of {year}").parent


def _split(folder: Path, split: str) -> list[str]:
    return read_list(folder / f"ImageSets/Segmentation/{split}.txt", "one image name per line")


def _augmented(folder: Path) -> list[str]:
    """Names of the 10,582 augmented training images: one list, or the official list plus ``aug.txt``.

    Lines may also be pairs of paths (``/JPEGImages/x.jpg /SegmentationClassAug/x.png``).
    """
    lists = folder / "ImageSets/Segmentation"
    for name in ("trainaug.txt", "train_aug.txt"):
        if (lists / name).is_file():
            return [Path(line.split()[0]).stem for line in read_list(lists / name, "one image name per line")]
    both = read_list(lists / "train.txt", "one image name per line")
    extra = read_list(
        lists / "aug.txt", "the names of the augmented images (or trainaug.txt with all 10,582)"
    )
    return list(dict.fromkeys([*both, *extra]))


DIFFICULT = {"ignore": -1, "positive": 1, "absent": 0}


def open_voc2007_tags(
    root: Path, split: str, *, difficult: str = "ignore", name: str = "voc2007-tags"
) -> TagSet:
    """VOC 2007 tagging, from the official lists ``ImageSets/Main/LABEL_SPLIT.txt``.

    Args:
        root: folder of the archive.
        split: ``test``, ``trainval``, ``train`` or ``val``.
        difficult: what an image counts as that shows only difficult objects of a label (0 in the lists):
            ``ignore`` as VOC's own tools, ``positive`` as TagCLIP's lists (a person in 2,097 images of the test split,
            2,007 by the official count without difficult objects), or ``absent``.
        name: of the benchmark.
    """
    folder = voc_folder(root, "VOC2007")
    labels = load_label_set("voc20")
    columns = [_main_list(folder / f"ImageSets/Main/{name}_{split}.txt") for name in labels.names]
    keys = list(columns[0])
    for label, column in zip(labels.names, columns, strict=True):
        if list(column) != keys:
            raise DataError(
                f"{folder}/ImageSets/Main/{label}_{split}.txt: names other images than the first label's list"
            )
    meaning = {1: 1, -1: 0, 0: DIFFICULT[difficult]}
    rows = [[meaning[column[key]] for column in columns] for key in keys]
    images = tuple(folder / f"JPEGImages/{key}.jpg" for key in keys)
    return TagSet(name=name, split=split, labels=labels, images=images, rows=np.array(rows, dtype=np.int8))


def _main_list(path: Path) -> dict[str, int]:
    """``NAME 1``, ``NAME -1`` or ``NAME 0`` (difficult only) per line."""
    rows: dict[str, int] = {}
    for number, line in enumerate(read_list(path, "one image name and 1, 0 or -1 per line"), start=1):
        words = line.split()
        if len(words) != 2 or words[1] not in {"1", "0", "-1"}:
            raise DataError(f"{path}, line {number}: expected an image name and 1, 0 or -1, got {line!r}")
        rows[words[0]] = int(words[1])
    return rows


def open_voc2012_tags(root: Path, split: str) -> TagSet:
    """The segmentation images of VOC 2012 as a tagging set: a label is present if a pixel has it (TagCLIP)."""
    masks = open_voc20(root, split)
    rows = np.stack([_present(pair.mask, len(masks.labels)) for pair in masks.pairs])
    images = tuple(pair.image for pair in masks.pairs)
    return TagSet(name="voc2012-tags", split=split, labels=masks.labels, images=images, rows=rows)


def _present(mask: Path, num_labels: int) -> Int8[np.ndarray, " labels"]:
    found = np.unique(ids_to_classes(read_mask(mask), WITHOUT_BACKGROUND, mask))
    row = np.zeros(num_labels, np.int8)
    row[found[found != IGNORE]] = 1
    return row

"""COCO as a benchmark of objects, stuff, mid-level classes, tags and boxes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int8
from PIL import Image

from tagalign.data.benchmarks.coco_files import (
    CocoAnnotation,
    CocoFile,
    find_file,
    image_path,
    read_coco,
    render,
)
from tagalign.data.benchmarks.mask_files import class_table, open_stored
from tagalign.data.benchmarks.records import TrueBoxes
from tagalign.data.benchmarks.segmentation_sets import (
    ImageAndMask,
    MaskFolder,
    first_folder,
    pairs_by_name,
    read_list,
)
from tagalign.data.benchmarks.tag_sets import TagSet, label_rows
from tagalign.errors import DataError
from tagalign.labels import IGNORE, LabelSet
from tagalign.tags.label_sets import benchmark_content, load_label_set

# the two converters of the stuff-thing maps number the classes as our labels do
STUFF_TRAIN_IDS = class_table({i: i for i in range(171)})
OBJECT_TRAIN_IDS = class_table({i: i for i in range(81)})


@cache
def _stuff_stored() -> Int[np.ndarray, " ids"]:
    """The released masks hold the official id minus one."""
    rows = benchmark_content("coco-stuff")["labels"]
    return class_table({row["official_id"] - 1: i for i, row in enumerate(rows)})


@cache
def _objects_stored() -> Int[np.ndarray, " ids"]:
    """Likewise, with the 80 objects counted from 1 and all stuff as background."""
    rows = benchmark_content("coco-stuff")["labels"]
    return class_table({row["official_id"] - 1: i + 1 if i < 80 else 0 for i, row in enumerate(rows)})


@cache
def _object_places() -> dict[int, int]:
    """Official id of an object to its place among the labels."""
    return {row["official_id"]: i for i, row in enumerate(benchmark_content("coco-object")["labels"])}


def open_coco_stuff(root: Path, split: str) -> MaskFolder:
    """171 classes of COCO-Stuff 164k; unlabelled pixels are ignored."""
    pairs, made = _stuff_pairs(root, split, "_labelTrainIds.png")
    return MaskFolder(
        name="coco-stuff",
        split=split,
        labels=load_label_set("coco-stuff"),
        has_background=False,
        pairs=pairs,
        table=STUFF_TRAIN_IDS if made else _stuff_stored(),
    )


def _stuff_pairs(root: Path, split: str, made_end: str) -> tuple[tuple[ImageAndMask, ...], bool]:
    """Images with their stuff-thing maps, and whether these are converted files (by their ending) or the released ones."""
    images = first_folder((root / "images" / split, root / split), f"{root}: images of {split}")
    masks = first_folder(
        (
            root / "annotations" / split,
            root / "stuffthingmaps" / split,
            root / "stuffthingmaps_trainval2017" / split,
        ),
        f"{root}: stuff-thing maps of {split}",
    )
    made = next(masks.glob(f"*{made_end}"), None) is not None
    if made:
        return pairs_by_name(images, masks, ".jpg", made_end), True
    pairs = pairs_by_name(images, masks, ".jpg", ".png")
    return tuple(
        p for p in pairs if "_" not in p.key
    ), False  # other conversions may lie beside the released maps


STUFF_27_LISTS = (
    "curated/{split}/Coco164kFull_Stuff_Coarse.txt",
    "Coco164kFull_Stuff_Coarse.txt",
    "{split}_Coco164kFull_Stuff_Coarse.txt",
    "cocostuff_{split}.txt",
)


def open_coco_stuff_27(root: Path, split: str) -> MaskFolder:
    """The 27 mid-level classes on the list of 4,172 images; the 171 labels are asked for and merged before scoring.

    Raises:
        DataError: if the list is missing, or names images that are not there.
    """
    names = [name.format(split=split) for name in STUFF_27_LISTS]
    path = find_file(root, names, "the image list of COCO-Stuff-27 (4,172 names)")
    wanted = {Path(line.split()[0]).stem for line in read_list(path, "one image name per line")}
    whole = open_coco_stuff(root, split)
    kept = tuple(pair for pair in whole.pairs if pair.key in wanted)
    if lost := wanted - {pair.key for pair in kept}:
        raise DataError(f"{path}: names {len(lost)} images that are not in {root}, such as {min(lost)}")
    merge = coarse_of_171()
    table = np.full_like(whole.table, -1)
    for stored, label in enumerate(whole.table):
        table[stored] = merge[label] if 0 <= label < len(merge) else label
    return MaskFolder(
        name="coco-stuff-27",
        split=split,
        labels=whole.labels,
        has_background=False,
        pairs=kept,
        table=table,
        merge=merge,
        classes=load_label_set("coco-stuff-27").names,
    )


def coarse_of_171() -> tuple[int, ...]:
    """Mid-level class of each of the 171 labels."""
    place = {row["name"]: i for i, row in enumerate(benchmark_content("coco-stuff-27")["labels"])}
    return tuple(place[row["category"]] for row in benchmark_content("coco-stuff")["labels"])


def open_coco_object(root: Path, split: str) -> "MaskFolder | CocoObject":
    """Background and 80 objects, from converted masks, from the released stuff-thing maps, or from the instances.

    In the maps everything that is no object is background and unlabelled pixels are ignored. Drawn from the
    instances, smaller objects lie on larger ones and crowd regions are ignored.
    """
    try:
        pairs, made = _stuff_pairs(root, split, "_instanceTrainIds.png")
    except DataError:
        return _object_from_instances(root, split)
    return MaskFolder(
        name="coco-object",
        split=split,
        labels=load_label_set("coco-object"),
        has_background=True,
        pairs=pairs,
        table=OBJECT_TRAIN_IDS if made else _objects_stored(),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoInstances:
    """Images and instance annotations of one split; the base of tags, boxes and drawn masks."""

    name: str
    split: str
    root: Path
    file: CocoFile
    labels: LabelSet
    expected: int = 0
    unit: str = "images"

    def __len__(self) -> int:
        return len(self.file.images)

    def count(self, index: int) -> int:
        """One image."""
        return 1

    def key(self, index: int) -> str:
        """Name of the image, without ending."""
        return Path(self.file.images[index]["file_name"]).stem

    def path(self, index: int) -> Path:
        """Where the image lies."""
        return image_path(self.root, self.split, self.file.images[index]["file_name"])

    def image(self, index: int) -> Image.Image:
        """The image as stored; annotations are drawn on those pixels."""
        return open_stored(self.path(index))

    def missing(self) -> list[Path]:
        """Images that are not there."""
        return [path for i in range(len(self)) if not (path := self.path(i)).is_file()]

    def annotations(self, index: int) -> list[CocoAnnotation]:
        """Annotations of one image."""
        return self.file.annotations.get(int(self.file.images[index]["id"]), [])

    def label_of(self, annotation: CocoAnnotation) -> int:
        """Label id of an annotation, from 0.

        Raises:
            DataError: for a category that COCO does not have.
        """
        label = _object_places().get(int(annotation["category_id"]))
        if label is None:
            raise DataError(
                f"{self.file.path}: annotation {annotation.get('id')} has category {annotation['category_id']}"
            )
        return label


class CocoObject(CocoInstances):
    """COCO-Object drawn from the instances; see ``SegmentationSet``."""

    has_background = True
    ignore = IGNORE
    merge = None
    unseen: tuple[int, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Background and the 80 objects."""
        return ("background", *self.labels.names)

    def target(self, index: int) -> Int[np.ndarray, "height width"]:
        """Classes of the pixels, drawn."""
        entry = self.file.images[index]
        size = (int(entry["height"]), int(entry["width"]))
        with Image.open(self.path(index)) as image:
            if (image.height, image.width) != size:
                raise DataError(
                    f"{self.path(index)}: {image.height} x {image.width} pixels, {self.file.path} says {size}"
                )
        target = np.zeros(size, np.int16)
        annotations = self.annotations(index)
        for crowd in (a for a in annotations if a.get("iscrowd")):
            target[render(crowd, size)] = IGNORE
        for one in sorted((a for a in annotations if not a.get("iscrowd")), key=lambda a: -float(a["area"])):
            target[render(one, size)] = self.label_of(one) + 1
        return target


def _object_from_instances(root: Path, split: str) -> CocoObject:
    return CocoObject(
        name="coco-object",
        split=split,
        root=root,
        file=instances(root, split),
        labels=load_label_set("coco-object"),
    )


def instances(root: Path, split: str) -> CocoFile:
    """The official instance annotations of a split."""
    path = find_file(
        root,
        [f"annotations/instances_{split}.json", f"instances_{split}.json"],
        f"the instance annotations of {split}",
    )
    return read_coco(path)


class CocoBoxes(CocoInstances):
    """COCO detection; see ``BoxSet``."""

    def truth(self, index: int) -> TrueBoxes:
        """All boxes of one image."""
        rows = self.annotations(index)
        boxes = np.array([a["bbox"] for a in rows], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return TrueBoxes(
            boxes=boxes,
            labels=np.array([self.label_of(a) for a in rows], dtype=np.int64),
            crowd=np.array([bool(a.get("iscrowd")) for a in rows], dtype=bool),
            areas=np.array([float(a["area"]) for a in rows], dtype=np.float64),
        )


def open_coco_boxes(root: Path, split: str) -> CocoBoxes:
    """Boxes of the 80 objects."""
    return CocoBoxes(
        name="coco-boxes",
        split=split,
        root=root,
        file=instances(root, split),
        labels=load_label_set("coco-object"),
    )


def open_coco_tags(root: Path, split: str, *, name: str) -> TagSet:
    """Tags of COCO: the labels of an image's annotations, crowds included; images without any are left out."""
    boxes = CocoInstances(
        name=name, split=split, root=root, file=instances(root, split), labels=load_label_set("coco-object")
    )
    ids = [sorted({boxes.label_of(a) for a in boxes.annotations(i)}) for i in range(len(boxes))]
    kept = [i for i, present in enumerate(ids) if present]
    rows: Int8[np.ndarray, "images labels"] = label_rows([ids[i] for i in kept], len(boxes.labels))
    return TagSet(
        name=name, split=split, labels=boxes.labels, images=tuple(boxes.path(i) for i in kept), rows=rows
    )

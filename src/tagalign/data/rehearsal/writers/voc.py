"""PASCAL VOC 2007 and 2012, and PASCAL Context: names in lists, palette masks with a void border."""

from collections.abc import Sequence
from pathlib import Path

from PIL import ImageDraw

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.scenes import DrawnScene
from tagalign.data.rehearsal.writers.files import save_lines, save_picture, with_palette
from tagalign.labels import IGNORE
from tagalign.tags.label_sets import load_label_set

SIZE = (375, 500)
SHAPES = 3  # VOC's pictures show 2.4 objects on average
YEARS = 5
DIFFICULT_EVERY = 29  # pictures; a share of 3 %, about VOC 2007's


def write_voc2012(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures, masks of the split and its list; masks have VOC's void border of 255."""
    folder = request.folder / "VOCdevkit/VOC2012"
    augmented = request.split == "train_aug"
    masks = "SegmentationClassAug" if augmented else "SegmentationClass"
    keys = [f"{2007 + i % YEARS}_{i:06d}" for i in range(request.images)]
    _write_masks(request, watch, folder, masks, keys, num_classes=20)
    save_lines(keys, folder / f"ImageSets/Segmentation/{'trainaug' if augmented else request.split}.txt")


def write_context(request: CopyRequest, watch: WatchCount) -> None:
    """PASCAL Context as converted: 59 classes from 1, 0 for everything else."""
    folder = request.folder / "VOCdevkit/VOC2010"
    keys = [f"{2008 + i % 3}_{i:06d}" for i in range(request.images)]
    _write_masks(request, watch, folder, "SegmentationClassContext", keys, num_classes=59)
    save_lines(keys, folder / f"ImageSets/SegmentationContext/{request.split}.txt")


def _write_masks(
    request: CopyRequest,
    watch: WatchCount,
    folder: Path,
    masks: str,
    keys: Sequence[str],
    *,
    num_classes: int,
) -> None:
    stored = range(1, num_classes + 1)
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, num_classes, SHAPES)
        save_picture(scene.picture(), folder / f"JPEGImages/{keys[i]}.jpg")
        mask = with_palette(scene.ids(stored, ground=0))
        _draw_border(mask, scene)
        save_picture(mask, folder / f"{masks}/{keys[i]}.png")


def _draw_border(mask: object, scene: DrawnScene) -> None:
    """VOC's void line around the object that lies in front."""
    front = scene.shapes[-1].points
    ImageDraw.Draw(mask).line([*front, front[0]], fill=IGNORE, width=3)  # type: ignore[arg-type]


def write_voc2007(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and the twenty lists of ``NAME 1 | -1 | 0``; some objects are difficult."""
    folder = request.folder / "VOCdevkit/VOC2007"
    names = load_label_set("voc20").names
    keys = [f"{i + 1:06d}" for i in range(request.images)]
    marks = [[-1] * request.images for _ in names]
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, len(names), SHAPES)
        save_picture(scene.picture(), folder / f"JPEGImages/{keys[i]}.jpg")
        for label in scene.labels:
            marks[label][i] = 1
        if i % DIFFICULT_EVERY == DIFFICULT_EVERY - 1:
            marks[scene.labels[-1]][i] = 0
    for name, column in zip(names, marks, strict=True):
        lines = (f"{key} {mark:2d}" for key, mark in zip(keys, column, strict=True))
        save_lines(lines, folder / f"ImageSets/Main/{name}_{request.split}.txt")

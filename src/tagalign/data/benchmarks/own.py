"""One's own photos with masks, labels and tags, as ``tagalign import annotations --into benchmark`` writes them.

FOLDER
├── photos/NAME.jpg          any format of photos
├── masks/NAME.png           0 none of the labels, label ids from 1, 255 (65535) not counted; on the stored pixels
├── labels.json              a label set
├── labels.jsonl             per photo: image, tags, boxes, from
└── import.json              what the masks are for, and whether all of it was written
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from tagalign.backbones.image_formats import image_suffixes
from tagalign.data.benchmarks.image_files import ImageFiles
from tagalign.data.benchmarks.mask_files import class_table
from tagalign.data.benchmarks.records import TrueBoxes
from tagalign.data.benchmarks.segmentation_sets import ImageAndMask, MaskFolder, read_list
from tagalign.data.benchmarks.tag_sets import TagSet, label_rows
from tagalign.errors import DataError
from tagalign.labels import LabelSet, ignored_id
from tagalign.tags.label_sets import load_label_set

PHOTOS, MASKS, LABELS, TAGS, MARK = "photos", "masks", "labels.json", "labels.jsonl", "import.json"
SPLIT = "all"
MOST_MISSING = 3


class OwnMasks(MaskFolder):
    """A user's images and masks; which classes hide theirs is said elsewhere."""

    @property
    def unseen(self) -> tuple[int, ...]:
        """None: no benchmark, no split."""
        return ()


def pairs_of_photos(photos: Path, masks: Path) -> tuple[ImageAndMask, ...]:
    """Photos of any format and the masks that are called like them; half a pair is kept, so that it is noticed.

    Raises:
        DataError: if there is no photo, or two have one mask.
    """
    endings = image_suffixes()
    found: dict[str, Path] = {}
    for path in sorted(photos.iterdir()):
        if path.suffix.lower() in endings and not path.name.startswith("."):
            if path.stem in found:
                raise DataError(
                    f"{photos}: {found[path.stem].name} and {path.name} would have one mask; rename one"
                )
            found[path.stem] = path
    if not found:
        raise DataError(f"{photos}: no photo in this folder")
    keys = sorted(found.keys() | {path.stem for path in masks.glob("*.png") if not path.name.startswith(".")})
    return tuple(
        ImageAndMask(key=key, image=found.get(key, photos / f"{key}.jpg"), mask=masks / f"{key}.png")
        for key in keys
    )


def open_own(root: Path, split: str, *, has_background: bool) -> OwnMasks:
    """The masks; pixels without a label are the background, or are not counted."""
    labels = _labels(root, "benchmark")
    first, ignore = int(has_background), ignored_id(len(labels) + 1)
    ids = {i + 1: i + first for i in range(len(labels))}
    table = class_table(
        {0: 0, **ids} if has_background else ids,
        ignored=(ignore,) if has_background else (0, ignore),
        ignore=ignore,
    )
    return OwnMasks(
        name="own" if has_background else "own-labels",
        split=split,
        labels=labels,
        has_background=has_background,
        pairs=pairs_of_photos(root / PHOTOS, root / MASKS),
        table=table,
        ignore=ignore,
    )


def open_own_tags(root: Path, split: str) -> TagSet:
    """Which labels are in each photo."""
    labels = _labels(root)
    place = {name: i for i, name in enumerate(labels.names)}
    rows = list(_rows(root))
    ids = [[place[tag] for tag in row["tags"] if tag in place] for row in rows]
    return TagSet(
        name="own-tags",
        split=split,
        labels=labels,
        images=tuple(root / row["image"] for row in rows),
        rows=label_rows(ids, len(labels)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnBoxes(ImageFiles):
    """A user's photos with boxes; see ``BoxSet``."""

    labels: LabelSet
    rows: tuple[tuple[dict[str, Any], ...], ...]

    def truth(self, index: int) -> TrueBoxes:
        """All boxes of one photo; the areas are those of the boxes."""
        rows = [row for row in self.rows[index] if row["label"] in self.labels.names]
        boxes: Float[np.ndarray, "boxes 4"] = np.array(
            [row["box"] for row in rows], dtype=np.float64
        ).reshape(-1, 4)
        ids: Integer[np.ndarray, " boxes"] = np.array(
            [self.labels.names.index(row["label"]) for row in rows], dtype=np.int64
        )
        sides = boxes[:, 2:] - boxes[:, :2]
        crowd = np.array([bool(row["crowd"]) for row in rows], dtype=bool)
        return TrueBoxes(boxes=boxes, labels=ids, crowd=crowd, areas=sides[:, 0] * sides[:, 1])


def open_own_boxes(root: Path, split: str) -> OwnBoxes:
    """Boxes around each region; photos as they are shown."""
    rows = list(_rows(root))
    return OwnBoxes(
        name="own-boxes",
        split=split,
        labels=_labels(root),
        images=tuple(root / row["image"] for row in rows),
        rows=tuple(tuple(row["boxes"]) for row in rows),
    )


def _labels(root: Path, purpose: str | None = None) -> LabelSet:
    """The labels of a folder that was written to its end.

    Raises:
        DataError: for another folder, or one whose masks are for something else.
    """
    try:
        mark = json.loads((root / MARK).read_text(encoding="utf-8"))
        is_complete, made_for = bool(mark["complete"]), str(mark["for"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{root}: expected a folder that tagalign import annotations --into benchmark wrote, without a readable {MARK} "
            f"({type(error).__name__})"
        ) from error
    if not is_complete:
        raise DataError(f"{root}: the import was interrupted; give its command again")
    if purpose is not None and made_for != purpose:
        raise DataError(
            f"{root}: its masks are for {made_for}; import the annotations again with --into {purpose}"
        )
    return load_label_set(root / LABELS)


def _rows(root: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(read_list(root / TAGS, "one photo per line"), start=1):
        try:
            row = json.loads(line)
            rows.append({"image": str(row["image"]), "tags": list(row["tags"]), "boxes": list(row["boxes"])})
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{root / TAGS}, line {number}: expected image, tags and boxes ({error})"
            ) from error
    return rows

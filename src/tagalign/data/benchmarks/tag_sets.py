"""Tagging benchmarks: images and which labels are in them, also from plain text lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int8

from tagalign.data.benchmarks.image_files import ImageFiles
from tagalign.data.benchmarks.segmentation_sets import read_list
from tagalign.errors import DataError
from tagalign.labels import Label, LabelSet


@dataclass(frozen=True, kw_only=True, eq=False)
class TagSet(ImageFiles):
    """A tagging split; see ``TaggingSet``.

    Attributes:
        rows: 1, 0 or -1 for every key and label.
    """

    labels: LabelSet
    rows: Int8[np.ndarray, "images labels"]

    def truth(self, index: int) -> Int8[np.ndarray, " labels"]:
        """1 present, 0 absent, -1 not to be counted."""
        row: np.ndarray = self.rows[index]
        return row


def label_rows(ids: Sequence[Sequence[int]], num_labels: int) -> Int8[np.ndarray, "images labels"]:
    """Rows of 0 and 1 from lists of present ids."""
    rows = np.zeros((len(ids), num_labels), np.int8)
    for row, present in zip(rows, ids, strict=True):
        row[list(present)] = 1
    return rows


def open_openimages_common(root: Path, split: str) -> TagSet:
    """OpenImages-common (214 tags) in the text format of recognize-anything: ``IMAGE,tag,tag`` per line.

    Images that carry no tag stay in the set, all labels absent.
    """
    del split  # the set has one split
    stem = "openimages_common_214"
    folder = root / stem if (root / stem).is_dir() else root
    names = read_list(folder / f"{stem}_ram_taglist.txt", "one tag per line")
    place = {name: i for i, name in enumerate(names)}
    paths, ids = [], []
    rows = folder / f"{stem}_ram_annots.txt"
    for number, line in enumerate(
        read_list(rows, "one image and its tags per line, separated by commas"), start=1
    ):
        image, *tags = (word.strip() for word in line.split(","))
        if unknown := [tag for tag in tags if tag and tag not in place]:
            raise DataError(f"{rows}, line {number}: tag {unknown[0]!r} is not in {stem}_ram_taglist.txt")
        paths.append(folder / "imgs" / (image if Path(image).suffix else f"{image}.jpg"))
        ids.append([place[tag] for tag in tags if tag])
    labels = LabelSet(name=stem, labels=tuple(Label(name=name) for name in names))
    return TagSet(
        name="openimages-common",
        split="test",
        labels=labels,
        images=tuple(paths),
        rows=label_rows(ids, len(names)),
    )

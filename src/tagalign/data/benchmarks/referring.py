"""RefCOCO, RefCOCO+ and RefCOCOg: phrases for objects of COCO's 2014 training images."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.data.benchmarks.coco_files import CocoAnnotation, find_file, image_path, read_coco, render
from tagalign.data.benchmarks.mask_files import open_stored
from tagalign.data.benchmarks.records import Expression
from tagalign.data.benchmarks.restricted_pickle import read_plain_pickle
from tagalign.errors import DataError

IMAGES = "train2014"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An object and the phrases for it."""

    annotation: int
    phrases: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoReferring:
    """One split; see ``ReferringSet``.

    Attributes:
        root: folder with the images.
        entries: image entries of the annotation file, by rising id.
        references: of each entry, in the order of the file.
        objects: annotation of each annotation id.
    """

    name: str
    split: str
    root: Path
    entries: tuple[CocoAnnotation, ...]
    references: tuple[tuple[Reference, ...], ...]
    objects: dict[int, CocoAnnotation]
    expected: int = 0
    unit: str = "expressions"

    def __len__(self) -> int:
        return len(self.entries)

    def count(self, index: int) -> int:
        """Phrases of one image."""
        return sum(len(reference.phrases) for reference in self.references[index])

    def key(self, index: int) -> str:
        """Name of the image, without ending."""
        return Path(self.entries[index]["file_name"]).stem

    def path(self, index: int) -> Path:
        """Where the image lies."""
        return image_path(self.root, IMAGES, self.entries[index]["file_name"])

    def image(self, index: int) -> Image.Image:
        """The image as stored."""
        return open_stored(self.path(index))

    def missing(self) -> list[Path]:
        """Images that are not there."""
        return [path for i in range(len(self)) if not (path := self.path(i)).is_file()]

    def expressions(self, index: int) -> Sequence[Expression]:
        """All phrases of one image; phrases for one object share its mask."""
        entry = self.entries[index]
        size = (int(entry["height"]), int(entry["width"]))
        found = []
        for reference in self.references[index]:
            mask = render(self.objects[reference.annotation], size)
            found += [Expression(phrase=phrase, mask=mask) for phrase in reference.phrases]
        return found


def open_referring(root: Path, split: str, *, folder: str, by: str) -> CocoReferring:
    """Read ``FOLDER/instances.json`` and ``FOLDER/refs(BY).json`` or ``.p``.

    Args:
        root: folder that holds ``refcoco``, ``refcoco+``, ``refcocog``, or one of these.
        split: ``val``, ``testA``, ``testB``, ``test`` or ``train``.
        folder: name of the collection's folder.
        by: who split it: ``unc``, ``umd`` or ``google``.

    Raises:
        DataError: if files are missing, of another form, or name objects that do not exist.
    """
    base = root / folder if (root / folder).is_dir() else root
    path = find_file(base, [f"refs({by}).json", f"refs({by}).p"], f"the references refs({by})")
    coco = read_coco(find_file(base, ["instances.json"], "instances.json"))
    by_image: dict[int, list[Reference]] = defaultdict(list)
    for row in _rows(path):
        if row["split"] == split:
            by_image[int(row["image_id"])].append(_reference(row))
    if not by_image:
        raise DataError(f"{path}: no references of split {split!r}")
    entries = tuple(entry for entry in coco.images if int(entry["id"]) in by_image)
    objects = {int(a["id"]): a for rows in coco.annotations.values() for a in rows}
    if lost := by_image.keys() - {int(entry["id"]) for entry in entries}:
        raise DataError(f"{path}: names image {min(lost)}, which {coco.path} does not have")
    references = tuple(tuple(by_image[int(entry["id"])]) for entry in entries)
    if wrong := [r.annotation for rows in references for r in rows if r.annotation not in objects]:
        raise DataError(f"{path}: names annotation {wrong[0]}, which {coco.path} does not have")
    return CocoReferring(
        name=f"{folder}-{by}", split=split, root=root, entries=entries, references=references, objects=objects
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".json":
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected a JSON list of references ({error})") from error
    else:
        rows = read_plain_pickle(path)
    needed = {"ann_id", "image_id", "split", "sentences"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and needed <= row.keys() for row in rows):
        raise DataError(f"{path}: expected a list of references with {', '.join(sorted(needed))}")
    return rows


def _reference(row: dict[str, Any]) -> Reference:
    try:
        phrases = tuple(str(sentence["sent"]) for sentence in row["sentences"])
        return Reference(annotation=int(row["ann_id"]), phrases=phrases)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"reference {row.get('ref_id')}: expected sentences with 'sent' ({error})") from error

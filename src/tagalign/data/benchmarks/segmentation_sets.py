"""Segmentation benchmarks as pairs of an image file and a mask file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer
from PIL import Image

from tagalign.data.benchmarks.mask_files import (
    MaskReader,
    ids_to_classes,
    open_stored,
    read_mask,
    require_size,
)
from tagalign.errors import DataError
from tagalign.labels import IGNORE, LabelSet
from tagalign.tags.label_sets import unseen_labels


@dataclass(frozen=True, kw_only=True)
class ImageAndMask:
    """An image file and its mask file."""

    key: str
    image: Path
    mask: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskFolder:
    """A split whose masks are files; see ``SegmentationSet``.

    Attributes:
        pairs: in the order of the split.
        table: class of every stored id.
        read: how a mask file becomes ids.
        max_pixels: larger images and their masks are shrunk to ``long_side`` (ImageNet-S); None: never.
        long_side: in pixels, of what is shrunk.
    """

    name: str
    split: str
    labels: LabelSet
    has_background: bool
    pairs: tuple[ImageAndMask, ...]
    table: Int[np.ndarray, " ids"]
    read: MaskReader = read_mask
    ignore: int = IGNORE
    expected: int = 0
    unit: str = "images"
    merge: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    max_pixels: int | None = None
    long_side: int = 1000

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of what is scored."""
        names = self.classes or self.labels.names
        return ("background", *names) if self.has_background else names

    @property
    def unseen(self) -> tuple[int, ...]:
        """Labels that zero-shot training must not see."""
        return unseen_labels(self.labels.name) if self.merge is None else ()

    def __len__(self) -> int:
        return len(self.pairs)

    def count(self, index: int) -> int:
        """One image."""
        return 1

    def key(self, index: int) -> str:
        """Name of the image, without ending."""
        return self.pairs[index].key

    def image(self, index: int) -> Image.Image:
        """The image as stored, shrunk where the benchmark asks for it."""
        return self._shrink(open_stored(self.pairs[index].image), Image.Resampling.BILINEAR)

    def target(self, index: int) -> Integer[np.ndarray, "height width"]:
        """Classes of the pixels."""
        pair = self.pairs[index]
        ids = self.read(pair.mask)
        with Image.open(pair.image) as image:
            require_size(ids, (image.height, image.width), pair.mask, pair.image)
        classes = ids_to_classes(ids, self.table, pair.mask)
        if self.max_pixels is None or classes.size <= self.max_pixels:
            return classes
        shrunk = self._shrink(Image.fromarray(classes.astype(np.int32)), Image.Resampling.NEAREST)
        return np.asarray(shrunk).astype(np.int16)

    def _shrink(self, image: Image.Image, resampling: Image.Resampling) -> Image.Image:
        if self.max_pixels is None or image.width * image.height <= self.max_pixels:
            return image
        scale = self.long_side / max(image.size)
        return image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))), resampling)

    def missing(self) -> list[Path]:
        """Images and masks that are not there."""
        return [path for pair in self.pairs for path in (pair.image, pair.mask) if not path.is_file()]


def read_list(path: Path, what: str) -> list[str]:
    """Lines of a list file, without empty ones.

    Raises:
        DataError: if it is missing, not text, or empty.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing; expected {what}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected {what}, could not read it ({error})") from error
    if not (lines := [line for line in lines if line]):
        raise DataError(f"{path}: empty; expected {what}")
    return lines


def pairs_by_name(
    images: Path, masks: Path, image_end: str, mask_end: str, *, pattern: str = "*"
) -> tuple[ImageAndMask, ...]:
    """Pairs of all files that share the path before their endings, sorted; half a pair is kept, so that it is noticed.

    Raises:
        DataError: if there is no image at all.
    """
    keys = {_stem(p, images, image_end) for p in images.glob(f"{pattern}{image_end}")}
    if not keys:
        raise DataError(f"{images}: no files {pattern}{image_end}; is this the folder of the benchmark?")
    keys |= {_stem(p, masks, mask_end) for p in masks.glob(f"{pattern}{mask_end}")}
    return tuple(
        ImageAndMask(key=key, image=images / f"{key}{image_end}", mask=masks / f"{key}{mask_end}")
        for key in sorted(keys)
    )


def _stem(path: Path, folder: Path, end: str) -> str:
    return path.relative_to(folder).as_posix().removesuffix(end)


def first_folder(candidates: Iterable[Path], what: str) -> Path:
    """The first folder that exists.

    Raises:
        DataError: naming all places that were tried.
    """
    tried = list(candidates)
    for folder in tried:
        if folder.is_dir():
            return folder
    raise DataError(f"{what} not found; tried {', '.join(str(folder) for folder in tried)}")

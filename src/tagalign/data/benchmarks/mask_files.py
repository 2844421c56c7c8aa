"""Reading stored images and masks: ids as they are in the file, then classes by a table."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer
from PIL import Image

from tagalign.backbones.image_formats import DAMAGED
from tagalign.backbones.preprocess import MAX_PIXELS, ORIENTATION, open_image
from tagalign.errors import DataError
from tagalign.labels import IGNORE, Size

FORBIDDEN = -1
"""In a class table: an id that the benchmark does not have."""

UNDO = {  # what undoes the turn that each EXIF orientation asks for
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def open_stored(path: Path) -> Image.Image:
    """An RGB image as its pixels are stored, without the turn its EXIF mark asks for: masks are drawn on those.

    Raises:
        ImageError: if it cannot be read.
    """
    image = open_image(path)
    with Image.open(path) as stored:
        undo = UNDO.get(stored.getexif().get(ORIENTATION, 1))
    return image if undo is None else image.transpose(undo)


def read_mask(path: Path) -> Integer[np.ndarray, "height width"]:
    """Ids of a palette or grey PNG, 8 or 16 bits.

    Raises:
        DataError: if the file is missing, damaged, too large, or a colour picture.
    """
    with _opened(path) as image:
        if image.mode not in {"P", "L", "I", "I;16", "1"}:
            raise DataError(
                f"{path}: expected a mask with one id per pixel (palette or grey), got a {image.mode} picture"
            )
        ids = np.asarray(image)
    return ids if ids.dtype == np.uint8 else ids.astype(np.int64)


def read_two_byte_mask(path: Path) -> Integer[np.ndarray, "height width"]:
    """Ids of a colour PNG: ``red + 256 * green`` (ImageNet-S).

    Raises:
        DataError: if the file is missing, damaged, too large, or not a colour picture.
    """
    with _opened(path) as image:
        if image.mode not in {"RGB", "RGBA"}:
            raise DataError(f"{path}: expected a colour PNG (id = red + 256 * green), got mode {image.mode}")
        channels = np.asarray(image).astype(np.int64)
    return channels[..., 0] + 256 * channels[..., 1]


def _opened(path: Path) -> Image.Image:
    """A mask file, decoded, so that damage shows here."""
    try:
        image = Image.open(path)
        if image.width * image.height > MAX_PIXELS:
            raise DataError(
                f"{path}: {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are opened"
            )
        image.load()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such mask") from error
    except DAMAGED as error:
        raise DataError(f"{path}: the mask is damaged or no picture ({error})") from error
    return image


def class_table(
    classes: Mapping[int, int], *, ignored: Iterable[int] = (IGNORE,), ignore: int = IGNORE
) -> Int[np.ndarray, " ids"]:
    """A table from stored id to class.

    Args:
        classes: class of every stored id that counts.
        ignored: stored ids that are not counted.
        ignore: what they become.

    Returns:
        int16, or int32 where ``ignore`` needs it; ids that are neither are ``FORBIDDEN``.
    """
    ignored = tuple(ignored)
    kind = np.int16 if ignore <= np.iinfo(np.int16).max else np.int32
    table = np.full(max([*classes, *ignored]) + 1, FORBIDDEN, kind)
    table[list(ignored)] = ignore
    for stored, label in classes.items():
        table[stored] = label
    return table


def ids_to_classes(
    ids: Integer[np.ndarray, "height width"], table: Int[np.ndarray, " ids"], path: Path
) -> Int[np.ndarray, "height width"]:
    """Classes of stored ids.

    Raises:
        DataError: naming the file and the first id that the table does not have.
    """
    if ids.size and int(ids.max()) >= len(table):
        raise DataError(_wrong_id(path, int(ids.max()), table))
    classes: np.ndarray = np.take(table, ids)
    if ids.size and int(classes.min()) < 0:
        raise DataError(_wrong_id(path, int(ids[classes < 0][0]), table))
    return classes


def _wrong_id(path: Path, wrong: int, table: np.ndarray) -> str:
    return f"{path}: holds id {wrong}, which this benchmark does not have (its ids are {_spans(table)})"


def _spans(table: np.ndarray) -> str:
    """The ids that a table has: ``0 to 20 and 255``."""
    known = np.flatnonzero(table != FORBIDDEN)
    spans = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(known) else []
    texts = [str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans]
    if len(texts) > MAX_SPANS:
        texts = [*texts[: MAX_SPANS - 1], f"others up to {known[-1]}"]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts) or "none"


def require_size(
    mask: Integer[np.ndarray, "height width"], size: Size, mask_path: Path, image_path: Path
) -> None:
    """Refuse a mask of another size than its image.

    Raises:
        DataError: naming both files and sizes.
    """
    if mask.shape != size:
        raise DataError(
            f"{mask_path}: {mask.shape[0]} x {mask.shape[1]} pixels (height x width), but its image {image_path} has "
            f"{size[0]} x {size[1]}"
        )


MAX_SPANS = 6
"""Of ids that a message names."""
MaskReader = Callable[[Path], Integer[np.ndarray, "height width"]]

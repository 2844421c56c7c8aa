"""Label maps as palette PNG, the form in which the benchmarks store their ground truth."""

from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.errors import InputError
from tagalign.labels import IGNORE, WIDE_IGNORE, ignored_id
from tagalign.ops.voc_colours import palette

MAX_PALETTE_LABELS = IGNORE  # id 255 means "ignore", so a byte holds 255 labels
MAX_LABELS = WIDE_IGNORE


def mask_image(labels: Int[Tensor, "height width"], num_labels: int) -> Image.Image:
    """A label map as a picture: palette uint8 with VOC colours, or uint16 grey above 255 labels.

    Args:
        labels: ids in [0, num_labels); the id that means "ignore" is allowed too: 255 up to 255 labels, else 65535.
        num_labels: how many labels there are; decides between the two forms, so all masks of a run are alike.

    Raises:
        InputError: if an id is out of range, or there are more than 65,535 labels.
    """
    if num_labels > MAX_LABELS:
        raise InputError(
            f"a PNG holds at most {MAX_LABELS:,} labels, got {num_labels:,}; use run-length code instead"
        )
    ids = labels.detach().cpu().numpy()
    _refuse_out_of_range(ids, num_labels)
    if num_labels > MAX_PALETTE_LABELS:
        return Image.fromarray(ids.astype(np.uint16))
    image = Image.fromarray(ids.astype(np.uint8))
    image.putpalette([channel for color in palette() for channel in color])
    return image


def _refuse_out_of_range(ids: np.ndarray, num_labels: int) -> None:
    wrong = ((ids < 0) | (ids >= num_labels)) & (ids != ignored_id(num_labels))
    if wrong.any():
        raise InputError(f"label id {ids[wrong][0]} is out of range: expected 0 to {num_labels - 1}")


def save_mask(path: str | Path, labels: Int[Tensor, "height width"], num_labels: int) -> None:
    """Write ``mask_image(labels, num_labels)`` as PNG; the file appears whole or not at all.

    Raises:
        InputError: if an id is out of range, or the file cannot be written.
    """
    image = mask_image(labels, num_labels)
    with atomic_write(path) as temp:
        image.save(temp, format="PNG")

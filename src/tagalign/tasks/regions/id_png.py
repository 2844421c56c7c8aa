"""Regions from a PNG of ids: 8 or 16 bit, a palette's places, or the three bytes of COCO's panoptic pictures."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tagalign.backbones.image_formats import DAMAGED
from tagalign.backbones.preprocess import MAX_PIXELS
from tagalign.errors import DataError
from tagalign.tasks.regions.value import Regions

ID_MODES = ("1", "L", "P", "I;16", "I;16B", "I")


def read_ids(path: Path) -> Regions:
    """The regions of an id picture: 0 is none.

    Raises:
        DataError: if it cannot be read, or its pixels are no ids.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path}: {image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are read"
                )
            mode, pixels = image.mode, np.asarray(image)
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as a picture of ids ({error})") from error
    if mode == "RGB":  # id = R + 256 G + 65536 B, as COCO's panoptic pictures
        ids = pixels.astype(np.int64) @ np.array([1, 2**8, 2**16])
    elif mode in ID_MODES and path.suffix.lower() != ".jpg":
        ids = pixels.astype(np.int64)
    else:
        raise DataError(
            f"{path}: expected ids as a PNG of 8 or 16 bit (grey, palette or RGB), got mode {mode}"
        )
    return Regions.of_ids(torch.from_numpy(ids))

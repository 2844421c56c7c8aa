"""Annotations on the pixels of a file, turned as its EXIF mark turns the photo, and back.

Browsers and most tools show photos upright, so people draw on the turned picture; COCO's tools count stored pixels.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Shaped

from tagalign.data.annotations.records import Marked
from tagalign.labels import Size
from tagalign.ops.masks import encode_rle

PixelArray = Shaped[np.ndarray, "_ _"]
BACK = {6: 8, 8: 6}
"""The orientations that another one takes back; all others take back themselves."""


def upright(mask: PixelArray, orientation: int) -> PixelArray:
    """Cells of a file as the EXIF mark shows them.

    Args:
        mask: as stored.
        orientation: 1 to 8.
    """
    turns: dict[int, Callable[[PixelArray], PixelArray]] = {
        1: lambda m: m,
        2: np.fliplr,
        3: lambda m: np.rot90(m, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda m: np.rot90(m, -1),
        7: lambda m: np.rot90(m, 2).T,
        8: np.rot90,
    }
    return np.ascontiguousarray(turns[orientation](mask))


def stored(mask: PixelArray, orientation: int) -> PixelArray:
    """The inverse of ``upright``."""
    return upright(mask, BACK.get(orientation, orientation))


def upright_regions(regions: Sequence[Marked], stored_size: Size, orientation: int) -> tuple[Marked, ...]:
    """Regions that were drawn on stored pixels, on the upright photo."""
    return tuple(_upright_region(region, stored_size, orientation) for region in regions)


def _upright_region(region: Marked, stored_size: Size, orientation: int) -> Marked:
    left, top, right, bottom = region.box
    xs, ys = zip(
        *(_point(x, y, stored_size, orientation) for x, y in ((left, top), (right, bottom))), strict=True
    )
    box = (min(xs), min(ys), max(xs), max(ys))
    mask = region.mask(stored_size)
    code = None if mask is None else encode_rle(torch.from_numpy(upright(mask, orientation))).decode("ascii")
    return dataclasses.replace(region, box=box, code=code)


def _point(x: float, y: float, size: Size, orientation: int) -> tuple[float, float]:
    height, width = size
    return {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (height - y, x),
        7: (height - y, width - x),
        8: (y, width - x),
    }[orientation]

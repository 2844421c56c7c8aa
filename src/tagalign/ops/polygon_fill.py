"""Polygons to masks: a pixel belongs to a ring whose inside holds its centre."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Num
from torch import Tensor


def fill_rings(
    rings: Sequence[Num[np.ndarray, "_ 2"]], size: tuple[int, int]
) -> Bool[Tensor, "height width"]:
    """The union of rings, each filled by the even-odd rule; what lies outside the picture is cut.

    Corners on the borders of pixels, as our exports write them, give back the exact mask.

    Args:
        rings: ``(x, y)`` of the corners in pixels; the last is joined to the first.
        size: of the mask.
    """
    mask = np.zeros(size, dtype=bool)
    for ring in rings:
        mask |= _filled(ring, size)
    return torch.from_numpy(mask)


def _filled(ring: Num[np.ndarray, "_ 2"], size: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    """Each edge flips, on the rows whose centre line it crosses, all pixels whose centre lies right of it."""
    height, width = size
    flips = np.zeros((height, width + 1), dtype=np.int64)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        first = int(np.clip(np.ceil(low - 0.5), 0, height))
        last = int(np.clip(np.ceil(high - 0.5), 0, height))
        if first >= last:
            continue
        rows = np.arange(first, last)
        at = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        cols = np.clip(np.ceil(at - 0.5), 0, width).astype(np.int64)
        np.add.at(flips, (rows, cols), 1)
    return flips.cumsum(axis=1)[:, :-1] % 2 == 1

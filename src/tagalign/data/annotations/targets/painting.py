"""Regions as one map of labels: smaller ones on larger ones, unless the file says what lies on top."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from tagalign.data.annotations.records import VOID, MarkedPhoto
from tagalign.labels import Size


def painted(
    marked: MarkedPhoto, ids: Mapping[str, int], *, empty: int, ignore: int
) -> Int[np.ndarray, "height width"]:
    """The id of each pixel of the upright photo.

    Crowds, void pixels and rectangles are not counted where no other region covers them: a rectangle does not say which of
    its pixels are the thing.

    Args:
        marked: with its size.
        ids: of the labels; regions of others are left out.
        empty: of pixels without a region.
        ignore: of pixels that are not counted.
    """
    assert marked.size is not None  # it was laid on its photo
    size: Size = marked.size
    found = np.full(size, empty, dtype=np.int64)
    sure = []
    for region in marked.regions:
        mask = region.mask(size)
        if region.label == VOID or region.crowd or region.is_box:
            found[_inside(region.box, size) if mask is None else mask] = ignore
        elif mask is not None and region.label in ids:
            sure.append((region.order, -int(mask.sum()), ids[region.label], mask))
    for _, _, label, mask in sorted(sure, key=lambda one: one[:2]):
        found[mask] = label
    return found


def _inside(box: tuple[float, float, float, float], size: Size) -> tuple[slice, slice]:
    """Pixels that a box touches."""
    left, top, right, bottom = box
    rows = slice(max(0, int(np.floor(top))), min(size[0], max(0, int(np.ceil(bottom)))))
    return rows, slice(max(0, int(np.floor(left))), min(size[1], max(0, int(np.ceil(right)))))

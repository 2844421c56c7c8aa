"""Sliding windows: where they lie, and the average that merges them into one map."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError

Box = tuple[int, int, int, int]
"""XYXY: ``(left, top, right, bottom)`` in pixels, ends exclusive."""


def window_boxes(size: tuple[int, int], *, crop: int, stride: int) -> list[Box]:
    """Windows that cover an image, row by row; the last of an axis is moved back so that it ends at the border.

    ``n = ceil(max(length - crop, 0) / stride) + 1`` per axis; an axis shorter than the crop has one shorter window.

    >>> window_boxes((4, 6), crop=4, stride=2)
    [(0, 0, 4, 4), (2, 0, 6, 4)]

    Raises:
        InputError: if ``stride`` is not in 1..crop, which would leave gaps.
    """
    if not 0 < stride <= crop:
        raise InputError(f"expected a stride between 1 and the crop of {crop} pixels, got {stride}")
    rows, cols = (_spans(length, crop, stride) for length in size)
    return [(left, top, right, bottom) for top, bottom in rows for left, right in cols]


def _spans(length: int, crop: int, stride: int) -> list[tuple[int, int]]:
    count = math.ceil(max(length - crop, 0) / stride) + 1
    ends = [min(i * stride + crop, length) for i in range(count)]
    return [(max(end - crop, 0), end) for end in ends]


def average_windows(
    windows: Iterable[tuple[Float[Tensor, "channels height width"], Box]], size: tuple[int, int]
) -> Float[Tensor, "channels full_height full_width"]:
    """Sum of the windows per pixel over the number of windows that cover it.

    Raises:
        InputError: if there is no window or a pixel is not covered.
    """
    total: Tensor | None = None
    cover = torch.zeros(size)
    for scores, (left, top, right, bottom) in windows:
        if total is None:
            total = scores.new_zeros(len(scores), *size)
        total[:, top:bottom, left:right] += scores
        cover[top:bottom, left:right] += 1
    if total is None or not bool(cover.all()):
        raise InputError(f"the windows do not cover the whole image of {size[0]} x {size[1]} pixels")
    return total / cover.to(total)


def upsample(
    maps: Float[Tensor, "channels rows cols"], size: tuple[int, int]
) -> Float[Tensor, "channels height width"]:
    """Bilinear, ``align_corners=False``: a patch sits at the centre of its pixels, not on its corner."""
    if maps.shape[1:] == size:
        return maps
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]


def upsample_labels_innermost(
    maps: Float[Tensor, "channels rows cols"], size: tuple[int, int]
) -> Float[Tensor, "channels height width"]:
    """``upsample`` with the channels of a pixel side by side in memory: on processors half the time, a best one too."""
    if maps.shape[1:] == size:
        return maps
    # from a batch of one: with the strides that maps[None] has, torch would fall back to the slow order
    side_by_side = maps[None].contiguous(memory_format=torch.channels_last)
    return F.interpolate(side_by_side, size=size, mode="bilinear", align_corners=False)[0]

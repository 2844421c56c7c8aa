"""A plain reader of predictions, with Label Studio's own decoder: labels, boxes and pixels of what was predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw


def pixels_of(result: Mapping[str, Any]) -> np.ndarray:
    """The mask of a result, bool, at the size of the photo."""
    from label_studio_sdk.converter.brush import decode_rle

    height, width, value = result["original_height"], result["original_width"], result["value"]
    if "rle" in value:
        channels = decode_rle(value["rle"]).reshape(height, width, 4)
        return channels[..., 3] > 0  # as their converter does: the opacity
    if "points" in value:
        return filled([(x * width / 100, y * height / 100) for x, y in value["points"]], height, width)
    left, top, right, bottom = box_of(result)
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def box_of(result: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """XYXY of a rectangle in pixels, after the formula of Label Studio's documentation."""
    height, width, value = result["original_height"], result["original_width"], result["value"]
    x, y = value["x"] * width / 100, value["y"] * height / 100
    ends = x, y, x + value["width"] * width / 100, y + value["height"] * height / 100
    for end in ends:
        assert abs(end - round(end)) < 1e-6
    return tuple(round(end) for end in ends)


def filled(points: Sequence[tuple[float, float]], height: int, width: int, scale: int = 4) -> np.ndarray:
    """Pixels whose centre lies inside a ring: drawn enlarged, so that corners between pixels are met."""
    canvas = Image.new("1", (width * scale, height * scale))
    ImageDraw.Draw(canvas).polygon([(x * scale - 0.5, y * scale - 0.5) for x, y in points], fill=1)
    return np.asarray(canvas)[scale // 2 :: scale, scale // 2 :: scale]

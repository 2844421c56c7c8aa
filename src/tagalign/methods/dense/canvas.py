"""Images to encoder inputs: resize to the canvas, cut the windows, batch what has one size."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.preprocess import Preprocessing, short_side_size
from tagalign.brief import Brief
from tagalign.labels import Size
from tagalign.ops.windows import Box, window_boxes

Encoded = TypeVar("Encoded")

NATIVE_448 = 224
"""Encoders of this size and above are run at short side 448, as the papers do; smaller ones at their own size."""
SHORT_SIDE = 448  # TagAlign C.3, after GroupViT


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Canvas(Brief):
    """A resized image and the boxes of its views."""

    pixels: Float[Tensor, "3 height width"]
    size: Size
    boxes: tuple[Box, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pixels."""
        return tuple(self.pixels.shape)


@dataclass(frozen=True, kw_only=True)
class CanvasRule:
    """How images become canvases.

    Attributes:
        short_side: of the canvas, in pixels.
        max_side: of the canvas.
        window: side of the sliding windows, None for the whole canvas.
        stride: of the windows.
        patch_size: no side becomes smaller.
        on_patches: windows start and end where patches do, so that their tokens can be laid on one grid; pixels that fill no
            patch are in none.
    """

    short_side: int
    max_side: int = 2048
    window: int | None = None
    stride: int | None = None
    patch_size: int = 1
    on_patches: bool = False

    def canvas_size(self, size: Size) -> Size:
        """Of the canvas of an image of this size."""
        return short_side_size(size, self.short_side, max_side=self.max_side, patch_size=self.patch_size)

    def lay(self, image: Image.Image, preprocessing: Preprocessing) -> Canvas:
        """Resize, normalise and list the views."""
        size = (image.height, image.width)
        canvas = self.canvas_size(size)
        pixels = to_tensor(resize(image, canvas), preprocessing)
        if self.window is None:
            return Canvas(pixels=pixels, size=size, boxes=((0, 0, canvas[1], canvas[0]),))
        unit = self.patch_size if self.on_patches else 1
        boxes = [
            (left * unit, top * unit, right * unit, bottom * unit)
            for left, top, right, bottom in window_boxes(
                (canvas[0] // unit, canvas[1] // unit),
                crop=self.window // unit,
                stride=(self.stride or self.window // 2) // unit,
            )
        ]
        return Canvas(pixels=pixels, size=size, boxes=tuple(boxes))

    def view_size(self, size: Size) -> Size:
        """Of every view of such an image: all views of one image have one size."""
        height, width = self.canvas_size(size)
        if self.window is None:
            return height, width
        unit = self.patch_size if self.on_patches else 1
        most = self.window // unit
        return min(height // unit, most) * unit, min(width // unit, most) * unit


class SeesCanvases(Generic[Encoded]):
    """A method that lays each image on a canvas. Whoever inherits encodes canvases."""

    def lay(self, image: Image.Image) -> Canvas:
        """What a loading thread can do ahead."""
        raise NotImplementedError

    def encode_canvases(self, canvases: Sequence[Canvas]) -> list[Encoded]:
        """Canvases that are already laid."""
        raise NotImplementedError

    def encode_images(self, images: Sequence[Image.Image]) -> list[Encoded]:
        """Upright RGB images of any sizes; equal to encoding them one by one."""
        return self.encode_canvases([self.lay(image) for image in images])

    def encode_pixels(self, pixels: Sequence[Canvas], sizes: Sequence[Size]) -> list[Encoded]:
        """See ``Preparable``; a canvas knows the size of its image."""
        return self.encode_canvases(pixels)


def default_short_side(image_size: int) -> int:
    """448 for CLIPs of 224 pixels (their own size above 448), the native size for smaller encoders."""
    return max(SHORT_SIDE, image_size) if image_size >= NATIVE_448 else image_size


def batches_of_one_size(
    canvases: Sequence[Canvas], batch_size: int
) -> Iterator[tuple[list[tuple[int, int]], Float[Tensor, "batch 3 height width"]]]:
    """Crops of all canvases, grouped by size; yields ``(canvas index, view index)`` of each crop and the batch."""
    by_size: dict[Size, list[tuple[int, int]]] = defaultdict(list)
    for i, canvas in enumerate(canvases):
        for j, (left, top, right, bottom) in enumerate(canvas.boxes):
            by_size[bottom - top, right - left].append((i, j))
    for places in by_size.values():
        for start in range(0, len(places), batch_size):
            chunk = places[start : start + batch_size]
            yield chunk, torch.stack([_crop(canvases[i], j) for i, j in chunk])


def _crop(canvas: Canvas, view: int) -> Tensor:
    left, top, right, bottom = canvas.boxes[view]
    return canvas.pixels[:, top:bottom, left:right]

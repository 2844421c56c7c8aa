"""Sizes of TrustyCLIP's canvas and windows."""

from tagalign.backbones.preprocess import short_side_size
from tagalign.backbones.protocols import BlockBackbone
from tagalign.labels import Size

LONGEST_RATIO = 16  # sides of the canvas; only longer strips are shrunk below the window


def default_crop(backbone: BlockBackbone) -> int:
    """512 pixels as in the paper for CLIPs of 224 pixels or more, the native size for smaller encoders."""
    native = backbone.preprocessing.image_size
    return 512 if native >= 224 else native


def default_stride(window: int, patch_size: int) -> int:
    """The paper's 426 of 512 pixels, in whole patches for other windows."""
    # 426 is no multiple of 16: the published windows of 512 are taken as they are, patches of neighbours do not align
    return 426 if window == 512 else max(patch_size, round(window * 426 / 512 / patch_size) * patch_size)


def canvas_size(size: Size, *, short_side: int, patch: int, window: int | None) -> Size:
    """Of the canvas of a photo of this size; a side below a window is whole patches."""
    height, width = short_side_size(size, short_side, max_side=LONGEST_RATIO * short_side, patch_size=patch)
    limit = window or max(height, width) + 1
    return whole_patches(height, patch, limit), whole_patches(width, patch, limit)


def whole_patches(length: int, patch: int, window: int) -> int:
    """A side of the canvas: as it is from a window on, else rounded to patches, one at least."""
    return length if length >= window else max(patch, round(length / patch) * patch)

"""Resizing by the processor's vector units: for photos that were opened for speed.

Pillow sums in 22 bits, one pixel after the other; torch's kernel for bytes sums in 16, several at a time. They differ by one
or two of 255 in a few of a thousand values.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.labels import Size

FILTERS = frozenset({"bilinear", "bicubic"})
"""Those that torch has antialiased."""
WITH_VECTORS = frozenset({"AVX2", "AVX512"})
"""Processors for which the kernel was written; on others it is slower than Pillow."""


def resizes_fast(image: Image.Image, resample: str) -> bool:
    """Whether ``fast_resize`` can do it, and is the faster of the two here."""
    has_vectors = torch.backends.cpu.get_cpu_capability() in WITH_VECTORS
    return has_vectors and image.mode == "RGB" and resample in FILTERS


def fast_resize(image: Image.Image, size: Size, resample: str) -> Image.Image:
    """Resize an RGB image to ``(height, width)``, antialiased where it shrinks.

    Args:
        image: what it says.
        size: of the result, at least one pixel each.
        resample: of ``FILTERS``.
    """
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels, size, mode=resample, antialias=True)
    made = Image.fromarray(resized[0].permute(1, 2, 0).numpy())
    made.info |= image.info  # as Pillow's own
    return made

"""From an opened image to the size and the numbers that an encoder reads."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.fast_resize import fast_resize, resizes_fast
from tagalign.backbones.preprocess import FOR_SPEED, Preprocessing, Resample
from tagalign.labels import Size


def to_tensor(image: Image.Image, preprocessing: Preprocessing) -> Float[Tensor, "3 height width"]:
    """Normalised pixels ``(x / 255 - mean) / std`` in float32."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float()
    mean = torch.tensor(preprocessing.mean).view(3, 1, 1)
    std = torch.tensor(preprocessing.std).view(3, 1, 1)
    return (pixels / 255 - mean) / std


def resize(image: Image.Image, size: Size, resample: Resample = "bicubic") -> Image.Image:
    """Resize to ``(height, width)``, antialiased when it shrinks: Pillow's, or a faster one if it was opened for speed."""
    if (image.height, image.width) == size:
        return image
    if image.info.get(FOR_SPEED) and resizes_fast(image, resample):
        return fast_resize(image, size, resample)
    return image.resize((size[1], size[0]), Image.Resampling[resample.upper()])

"""From an image to the numbers that an encoder reads."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.preprocess import Preprocessing


def to_tensor(image: Image.Image, preprocessing: Preprocessing) -> Float[Tensor, "3 height width"]:
    """Normalised pixels ``(x / 255 - mean) / std`` in float32."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float()
    mean = torch.tensor(preprocessing.mean).view(3, 1, 1)
    std = torch.tensor(preprocessing.std).view(3, 1, 1)
    return (pixels / 255 - mean) / std

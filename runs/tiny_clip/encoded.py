"""Scenes and names as a frozen encoder takes them."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import Scene

TEMPLATE = "a photo of a {}"
BATCH = 100


def embed_names(clip: BlockBackbone, names: tuple[str, ...]) -> Tensor:
    return F.normalize(clip.encode_text([TEMPLATE.format(name) for name in names]), dim=-1)


def pixels(clip: BlockBackbone, scenes: list[Scene]) -> Tensor:
    """Pictures are of the model's own size: nothing is resized."""
    mean, std = torch.tensor(clip.preprocessing.mean), torch.tensor(clip.preprocessing.std)
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).float() / 255
    return ((images - mean) / std).permute(0, 3, 1, 2)


def chunks(scenes: list[Scene]) -> Iterator[list[Scene]]:
    for start in range(0, len(scenes), BATCH):
        yield scenes[start : start + BATCH]


def patch_classes(scenes: list[Scene], patch: int) -> Tensor:
    """The class of the pixel in the middle of every patch, among all objects and backgrounds."""
    maps = np.stack([scene.label_map("all") for scene in scenes])
    return torch.from_numpy(maps[:, patch // 2 :: patch, patch // 2 :: patch].reshape(len(scenes), -1))

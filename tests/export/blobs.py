"""Label maps with blobs, holes, thin lines and touching corners, from a seed."""

import numpy as np
import torch
from scipy import ndimage

from tagalign.export.records import Annotated
from tagalign.types import Segmentation, Tagging

NAMES = ("background", "cat", "dog & <co>", "tree")


def blob_labels(seed: int, size: tuple[int, int] = (60, 80), labels: int = 4) -> torch.Tensor:
    noise = np.random.default_rng(seed).normal(size=(labels, *size))
    smooth = ndimage.gaussian_filter(noise, sigma=(0, 4, 4))
    return torch.from_numpy(smooth.argmax(axis=0))


def annotated(seed: int, name: str = "", names: tuple[str, ...] = NAMES) -> Annotated:
    labels = blob_labels(seed, labels=len(names))
    scores = torch.rand(labels.shape, generator=torch.Generator().manual_seed(seed))
    tagging = Tagging(names=names[1:], scores=(0.9, 0.2, 0.7), chosen=(0, 2))
    return Annotated(
        file_name=name or f"photo {seed}.jpg",
        size=(labels.shape[0], labels.shape[1]),
        segmentation=Segmentation(labels=labels, names=names, scores=scores),
        tagging=tagging,
    )

"""Scenes, frozen features and tags of the tiny world, computed once for all rows of a table."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from tagalign.apps.demo import protocol
from tagalign.backbones.protocols import Backbone
from tagalign.data.feature_pairs import FeaturePairs, encode_images
from tagalign.data.tiny_world import CLASS_SETS, Scene, TinyWorld
from tagalign.tags.label_sets import label_set_of
from tagalign.tags.vocabulary import TagLabels
from tagalign.types import LabelSet

Progress = Callable[[Any, str], Iterator[Any]]
"""``progress(items, description)`` passes the items on."""


def silent(items: Any, description: str) -> Iterator[Any]:
    """No progress."""
    yield from items


def scenes(split: str, count: int, *, seed: int) -> list[Scene]:
    """The first scenes of a split."""
    return list(TinyWorld(seed=seed, split=split, crowded=protocol.CROWDED).take(count))


def picture(scene: Scene) -> Image.Image:
    """A scene as an RGB image."""
    return Image.fromarray(np.asarray(scene.image))


def class_labels(class_set: str) -> LabelSet:
    """The labels of a class set, without its background rule."""
    return label_set_of(CLASS_SETS[class_set], title=f"tiny-world:{class_set}")


@torch.inference_mode()
def encode_pairs(backbone: Backbone, train: Sequence[Scene], *, progress: Progress = silent) -> FeaturePairs:
    """Frozen features of the pictures and embeddings of the alt text, without labels yet."""
    pictures = (picture(scene) for scene in progress(train, "encoding scenes"))
    store = encode_images(backbone, pictures, mode=protocol.MODE)
    texts = backbone.encode_text(alt_texts(train)).cpu()
    return FeaturePairs(store=store, images=np.arange(len(train)), texts=texts, labels=no_labels(len(train)))


def alt_texts(train: Sequence[Scene]) -> tuple[str, ...]:
    """The caption of each scene: its noisy alt text."""
    return tuple(scene.alt_text for scene in train)


def no_labels(count: int) -> TagLabels:
    """Rows without tags."""
    return TagLabels(indptr=np.zeros(count + 1, dtype=np.int64), indices=np.zeros(0, dtype=np.int32))


def truth(scene: Scene, class_set: str) -> Int[Tensor, "height width"]:
    """Ground truth of a scene."""
    return torch.from_numpy(np.asarray(scene.label_map(class_set)))

"""Scenes, tags and frozen features of the tiny world, computed once for all rows of a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image

from tagalign.backbones.protocols import Backbone, BlockBackbone
from tagalign.data.benchmarks.tiny import TinyReferring, TinySegmentation, tiny_referring, tiny_segmentation
from tagalign.data.feature_pairs import FeaturePairs, encode_images
from tagalign.data.tiny_world import CLASS_SETS, Scene, TinyWorld
from tagalign.experiments import protocol
from tagalign.labels import IGNORE, LabelSet
from tagalign.methods.dense.projector import NUM_BLOCKS
from tagalign.ops.precision import PrecisionChoice
from tagalign.tags.label_sets import label_set_of
from tagalign.tags.parsers import load_parser
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.vocabulary import TagLabels

Watcher = Callable[[Any, str], Iterator[Any]]
"""``progress(items, description)`` passes the items on."""


def silent(items: Any, description: str) -> Iterator[Any]:
    """No progress."""
    yield from items


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is drawn and trained.

    Attributes:
        train: scenes with alt text.
        validation: scenes that choose the background threshold.
        test: scenes that are scored.
        steps: optimiser steps per projector.
        batch_size: pairs per step.
        learning_rate: of AdamW, constant.
        precision: ``auto`` is bfloat16 where the processor has matrix units for it (half the time, the same printed
            digits), else float32.
        num_blocks: gated convolutions of the projector; 0 trains CLIP's own head alone, eight times as fast.
    """

    train: int = 2000
    validation: int = 100
    test: int = 250
    steps: int = 120
    batch_size: int = 128
    learning_rate: float = 1e-3
    precision: PrecisionChoice = "auto"
    num_blocks: int = NUM_BLOCKS


class NamedPixels(TinySegmentation):
    """A class set without its background: those pixels are ignored, so no threshold enters."""

    @property
    def has_background(self) -> bool:
        """Never."""
        return False

    @property
    def class_names(self) -> tuple[str, ...]:
        """The objects."""
        return CLASS_SETS[self.class_set]

    def target(self, index: int) -> Int[np.ndarray, "height width"]:
        """Classes of the pixels, counted from the first object."""
        classes = super().target(index)
        return np.where(classes > 0, classes - 1, IGNORE)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Scenes that no training sees, as the benchmarks that ``evaluate`` asks about; the same for every seed."""

    name: str
    count: int
    version: int = 1

    def segmentation(self, class_set: str) -> TinySegmentation:
        """A class for every pixel."""
        return tiny_segmentation(class_set, scenes=self.count, split=self.name, version=self.version)

    def named_pixels(self, class_set: str) -> TinySegmentation:
        """The pixels of the named objects alone; the others are not counted."""
        whole = self.segmentation(class_set)
        return NamedPixels(name=whole.name, world=whole.world, scenes=whole.scenes, class_set=class_set)

    def referring(self) -> TinyReferring:
        """Phrases that fit exactly one object."""
        return tiny_referring(scenes=self.count, split=self.name, version=self.version)

    def scenes(self) -> list[Scene]:
        """What was drawn."""
        return scenes(self.name, self.count, seed=0, version=self.version)


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """Everything that the rows of one seed share.

    Attributes:
        pairs: frozen features and caption embeddings of the training scenes.
        parses: tags of their alt text.
        captions: their alt text.
        validation: chooses the background threshold.
        test: is scored.
        seed: of the training scenes and of every training.
    """

    pairs: FeaturePairs
    parses: Sequence[ParsedCaption]
    captions: Sequence[str]
    validation: Split
    test: Split
    seed: int


def build_world(
    backbone: BlockBackbone,
    sizes: Sizes,
    *,
    seed: int,
    parser: str = protocol.PARSER,
    version: int = protocol.WORLD_VERSION,
    mislead: float = 0.0,
    progress: Watcher = silent,
) -> World:
    """Draw, parse and encode.

    Args:
        backbone: encodes pictures and alt text.
        sizes: how many scenes.
        seed: of the training scenes.
        parser: of the alt text.
        version: of the world.
        mislead: share of training scenes whose alt text names something absent.
        progress: passes the scenes on.
    """
    train = scenes(protocol.TRAIN_SPLIT, sizes.train, seed=seed, version=version, mislead=mislead)
    captions = alt_texts(list(progress(train, "drawing scenes")))
    return World(
        pairs=encode_pairs(backbone, train, progress=progress),
        parses=load_parser(parser).parse(captions),
        captions=captions,
        validation=Split(name=protocol.VALIDATION_SPLIT, count=sizes.validation, version=version),
        test=Split(name=protocol.TEST_SPLIT, count=sizes.test, version=version),
        seed=seed,
    )


def scenes(split: str, count: int, *, seed: int, version: int = 1, mislead: float = 0.0) -> list[Scene]:
    """The first scenes of a split."""
    return list(TinyWorld(seed=seed, split=split, version=version, mislead=mislead).take(count))


def picture(scene: Scene) -> Image.Image:
    """A scene as an RGB image."""
    return Image.fromarray(np.asarray(scene.image))


def class_labels(class_set: str) -> LabelSet:
    """The plain names of a class set; benchmarks of the tiny world know synonyms too."""
    return label_set_of(CLASS_SETS[class_set], title=f"tiny-world:{class_set}")


def alt_texts(train: Sequence[Scene]) -> tuple[str, ...]:
    """The caption of each scene: its noisy alt text."""
    return tuple(scene.alt_text for scene in train)


@torch.inference_mode()
def encode_pairs(backbone: Backbone, train: Sequence[Scene], *, progress: Watcher = silent) -> FeaturePairs:
    """Frozen features of the pictures and embeddings of the alt text, without labels yet."""
    pictures = (picture(scene) for scene in progress(train, "encoding scenes"))
    store = encode_images(backbone, pictures, mode=protocol.MODE)
    texts = backbone.encode_text(alt_texts(train)).cpu()
    return FeaturePairs(store=store, images=np.arange(len(train)), texts=texts, labels=no_labels(len(train)))


def no_labels(count: int) -> TagLabels:
    """Rows without tags."""
    return TagLabels(indptr=np.zeros(count + 1, dtype=np.int64), indices=np.zeros(0, dtype=np.int32))

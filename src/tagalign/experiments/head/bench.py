"""The data of one seed: pictures encoded once, captions and tags for each share of misleading text."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.feature_pairs import FeaturePairs, FeatureStore, encode_images
from tagalign.data.tiny_world import SIZES as SIZE_WORDS
from tagalign.data.tiny_world import Scene
from tagalign.experiments import protocol
from tagalign.experiments.head.cells import SAMPLES, Cell
from tagalign.experiments.rows import TableRow, method_of
from tagalign.experiments.world import Sizes, Split, World, alt_texts, no_labels, picture, scenes
from tagalign.methods.dense.method import DenseMethod
from tagalign.tags.parsers import load_parser
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

VERSION = 2
COVERAGE_BATCHES = 20
"""Batches that the coverage is a mean of."""


class Bench:
    """Rows of one encoder and one seed.

    Attributes:
        backbone: frozen.
        sizes: how much is drawn; steps and batch are those of a cell.
        seed: of the training scenes.
        mode: dense mode of the features.
    """

    def __init__(
        self, backbone: BlockBackbone, sizes: Sizes, *, seed: int, mode: str = protocol.MODE
    ) -> None:
        self.backbone, self.sizes, self.seed, self.mode = backbone, sizes, seed, mode
        self._worlds: dict[float, World] = {}

    @cached_property
    def store(self) -> FeatureStore:
        """Frozen features of the pictures, which do not depend on what the text says."""
        with torch.inference_mode():
            return encode_images(self.backbone, map(picture, self.scenes(0.0)), mode=self.mode)

    def scenes(self, mislead: float) -> list[Scene]:
        """The training scenes."""
        return scenes(
            protocol.TRAIN_SPLIT, self.sizes.train, seed=self.seed, version=VERSION, mislead=mislead
        )

    def world(self, mislead: float) -> World:
        """Captions and their tags, with the pictures' features."""
        if mislead not in self._worlds:
            captions = alt_texts(self.scenes(mislead))
            count = len(captions)
            with torch.inference_mode():
                texts = self.backbone.encode_text(captions).cpu()
            self._worlds[mislead] = World(
                pairs=FeaturePairs(
                    store=self.store, images=np.arange(count), texts=texts, labels=no_labels(count)
                ),
                parses=load_parser(protocol.PARSER).parse(captions),
                captions=captions,
                validation=Split(
                    name=protocol.VALIDATION_SPLIT, count=self.sizes.validation, version=VERSION
                ),
                test=Split(name=protocol.TEST_SPLIT, count=self.sizes.test, version=VERSION),
                seed=self.seed,
            )
        return self._worlds[mislead]

    def method(self, cell: Cell) -> tuple[DenseMethod, dict[str, int | float]]:
        """What a cell trains, with the length of its tag list and the share that one batch names."""
        world = self.world(cell.mislead)
        if not cell.batch_size:
            return method_of(TableRow(name=self.mode, method=self.mode), self.backbone, world, self.sizes), {}
        losses = {"contrastive": float(cell.contrastive), "tag": float(cell.tags != "none")}
        row = TableRow(
            name=cell.row, losses={k: v for k, v in losses.items() if v}, loss=cell.loss, mode=self.mode
        )
        vocabulary = None
        facts: dict[str, int | float] = {"samples": SAMPLES // cell.batch_size * cell.batch_size}
        if cell.tags != "none":
            row = replace(row, kinds=("object",))
            if cell.tags == "concepts":
                world = replace(world, parses=[composed(parse) for parse in world.parses])
            vocabulary = TagVocabulary.count(world.parses, sizes={"object": cell.names})
            labels = vocabulary.label(world.parses, kinds=("object",))
            facts |= {
                "names": len(vocabulary),
                "coverage": coverage(labels, len(vocabulary), cell.batch_size),
            }
        sizes = replace(
            self.sizes, steps=SAMPLES // cell.batch_size, batch_size=cell.batch_size, num_blocks=0
        )
        return method_of(row, self.backbone, world, sizes, vocabulary=vocabulary), facts


def composed(parse: ParsedCaption) -> ParsedCaption:
    """The same caption with its objects named by their looks: dog, (dog, red), (dog, striped) give "red striped dog".

    Words of size are left out: no concept has them. An object without looks keeps its noun.

    >>> composed(ParsedCaption(objects=("dog",), pairs=(("dog", "big"), ("dog", "red")))).objects
    ('red dog',)
    """
    looks: dict[str, list[str]] = {name: [] for name in parse.objects}
    for name, word in parse.pairs:
        if name in looks and word not in SIZE_WORDS:
            looks[name].append(word)
    return parse._replace(objects=tuple(" ".join([*words, name]) for name, words in looks.items()))


def coverage(labels: TagLabels, names: int, batch_size: int) -> float:
    """Percent of a list that the captions of one batch name, mean over random batches."""
    rng, counts = np.random.default_rng(0), list[int]()
    for _ in range(COVERAGE_BATCHES):
        rows: Sequence[int] = rng.choice(len(labels), min(batch_size, len(labels)), replace=False).tolist()
        counts.append(len(set(np.concatenate([labels.row(row) for row in rows]).tolist())))
    return round(100 * float(np.mean(counts)) / max(names, 1), 1)

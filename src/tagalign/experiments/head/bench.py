"""The data of one seed: pictures encoded once, captions and tags for each share of misleading text."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.feature_pairs import FeaturePairs, FeatureStore, encode_images
from tagalign.data.tiny_world import Scene
from tagalign.experiments import protocol
from tagalign.experiments.head.cells import SAMPLES, Cell, ParserName
from tagalign.experiments.head.remembered import with_memory
from tagalign.experiments.head.tag_lists import APART, ATTRIBUTE_NAMES, LISTS, TWO_KINDS, parses_of
from tagalign.experiments.rows import TableRow, method_of
from tagalign.experiments.tag_coverage import coverage
from tagalign.experiments.world import Sizes, Split, World, alt_texts, no_labels, picture, scenes
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.vocabulary import TagVocabulary

VERSION = 2


class Bench:
    """Rows of one encoder and one seed.

    Attributes:
        backbone: frozen; remembers the texts and test pictures that every row asks for.
        sizes: how much is drawn; steps and batch are those of a cell.
        seed: of the training scenes.
        mode: dense mode of the features.
    """

    def __init__(
        self, backbone: BlockBackbone, sizes: Sizes, *, seed: int, mode: str = protocol.MODE
    ) -> None:
        self.backbone, self.sizes, self.seed, self.mode = with_memory(backbone), sizes, seed, mode
        self._forgetful = backbone  # for the training pictures, which are asked for once
        self._worlds: dict[float, World] = {}
        self._parses: dict[tuple[float, ParserName], Sequence[ParsedCaption]] = {}

    @cached_property
    def store(self) -> FeatureStore:
        """Frozen features of the pictures, which do not depend on what the text says."""
        with torch.inference_mode():
            return encode_images(self._forgetful, map(picture, self.scenes(0.0)), mode=self.mode)

    def scenes(self, mislead: float) -> list[Scene]:
        """The training scenes."""
        return scenes(
            protocol.TRAIN_SPLIT, self.sizes.train, seed=self.seed, version=VERSION, mislead=mislead
        )

    def world(self, mislead: float) -> World:
        """Captions with the pictures' features; their tags are those of ``parses``."""
        if mislead not in self._worlds:
            captions = alt_texts(self.scenes(mislead))
            count = len(captions)
            with torch.inference_mode():
                texts = self.backbone.encode_text(captions).cpu()
            self._worlds[mislead] = World(
                pairs=FeaturePairs(
                    store=self.store, images=np.arange(count), texts=texts, labels=no_labels(count)
                ),
                parses=self.parses(mislead, "distilled"),
                captions=captions,
                validation=Split(
                    name=protocol.VALIDATION_SPLIT, count=self.sizes.validation, version=VERSION
                ),
                test=Split(name=protocol.TEST_SPLIT, count=self.sizes.test, version=VERSION),
                seed=self.seed,
            )
        return self._worlds[mislead]

    def parses(self, mislead: float, parser: ParserName) -> Sequence[ParsedCaption]:
        """Tags of the captions by one parser."""
        if (mislead, parser) not in self._parses:
            train = self.scenes(mislead)
            self._parses[mislead, parser] = parses_of(parser, train, alt_texts(train))
        return self._parses[mislead, parser]

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
        count = int(cell.share * len(world.captions))
        if cell.tags != "none":
            parses = [LISTS[cell.tags](parse) for parse in self.parses(cell.mislead, cell.parser)[:count]]
            sizes = {"object": cell.names} | (
                {"attribute": ATTRIBUTE_NAMES} if cell.tags in TWO_KINDS else {}
            )
            row = replace(row, kinds=tuple(sizes), split_kinds=cell.tags in APART)
            world = replace(world, parses=parses)
            vocabulary = TagVocabulary.count(parses, sizes=sizes)
            labels = vocabulary.label(parses, kinds=tuple(sizes))
            facts |= {
                "names": len(vocabulary),
                "coverage": coverage(labels, len(vocabulary), cell.batch_size),
            }
        method = method_of(row, self.backbone, first(world, count), self._steps(cell), vocabulary=vocabulary)
        if cell.blend:
            options = TagAlignOptions(profile=protocol.PROFILE, clip_weight=cell.blend)
            method = method.with_options(options)
        return method, facts

    def _steps(self, cell: Cell) -> Sizes:
        return replace(
            self.sizes,
            steps=SAMPLES // cell.batch_size,
            batch_size=cell.batch_size,
            learning_rate=cell.rate,
            num_blocks=0,
        )


def first(world: World, count: int) -> World:
    """The same world with its first scenes alone."""
    if count == len(world.captions):
        return world
    texts = world.pairs.texts
    assert texts is not None  # a world has captions
    pairs = replace(
        world.pairs, images=world.pairs.images[:count], texts=texts[:count], labels=no_labels(count)
    )
    return replace(world, pairs=pairs, captions=world.captions[:count], parses=world.parses[:count])

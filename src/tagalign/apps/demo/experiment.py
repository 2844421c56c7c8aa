"""Train and score the rows of a table on the tiny world, from features that are computed once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagalign.apps.demo import protocol
from tagalign.apps.demo.protocol import Row
from tagalign.apps.demo.scenes import Progress, alt_texts, encode_pairs, scenes, silent
from tagalign.apps.demo.scoring import Scores, score
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.feature_pairs import FeaturePairs
from tagalign.data.tiny_world import Scene
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.tagalign.projector import NUM_BLOCKS
from tagalign.tags.parsers import load_parser
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.tagalign.training import train_tagalign

OnStep = Callable[[int, int, Mapping[str, float]], None]


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
    precision: str = "auto"
    num_blocks: int = NUM_BLOCKS


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """Everything that the rows of one seed share.

    Attributes:
        pairs: frozen features and caption embeddings of the training scenes.
        parses: tags of their alt text.
        validation: scenes.
        test: scenes.
        seed: of the scenes and of every training.
    """

    pairs: FeaturePairs
    parses: Sequence[ParsedCaption]
    captions: Sequence[str]
    validation: Sequence[Scene]
    test: Sequence[Scene]
    seed: int


def build_world(
    backbone: BlockBackbone,
    sizes: Sizes,
    *,
    seed: int,
    parser: str = protocol.PARSER,
    progress: Progress = silent,
) -> World:
    """Draw, parse and encode. Test and validation scenes are the same for every seed; training scenes are not."""
    train = scenes(protocol.TRAIN_SPLIT, sizes.train, seed=seed)
    captions = alt_texts(list(progress(train, "drawing scenes")))
    return World(
        pairs=encode_pairs(backbone, train, progress=progress),
        parses=load_parser(parser).parse(captions),
        captions=captions,
        validation=scenes(protocol.VALIDATION_SPLIT, sizes.validation, seed=0),
        test=scenes(protocol.TEST_SPLIT, sizes.test, seed=0),
        seed=seed,
    )


def vocabulary_of(
    world: World,
    *,
    kinds: Sequence[str],
    objects: int = protocol.OBJECT_TAGS,
    attributes: int = protocol.ATTRIBUTE_TAGS,
) -> TagVocabulary:
    """The most frequent tags of the training captions."""
    wanted = {"object": objects, "attribute": attributes}
    return TagVocabulary.count(world.parses, sizes={kind: wanted[kind] for kind in kinds})


def method_of(
    row: Row,
    backbone: BlockBackbone,
    world: World,
    sizes: Sizes,
    *,
    out_dir: Path | None = None,
    vocabulary: TagVocabulary | None = None,
    on_step: OnStep | None = None,
) -> DenseMethod:
    """The method of a row: a baseline as it is, or a projector trained with the row's losses and tags."""
    profile = dense_profile(protocol.PROFILE)
    if not row.losses:
        return DenseMethod(backbone, method=row.method, mode=row.method, profile=profile)
    vocabulary, pairs = vocabulary, world.pairs
    if row.kinds:
        vocabulary = vocabulary or vocabulary_of(world, kinds=row.kinds)
        pairs = pairs.relabel(vocabulary.label(world.parses, kinds=row.kinds))
    trained = train_tagalign(
        backbone,
        pairs,
        vocabulary=vocabulary,
        steps=sizes.steps,
        batch_size=sizes.batch_size,
        learning_rate=sizes.learning_rate,
        precision=sizes.precision,
        losses=row.losses,
        loss=row.loss,
        profile=protocol.PROFILE,
        mode=protocol.MODE,
        num_blocks=sizes.num_blocks,
        seed=world.seed,
        out_dir=out_dir,
        checkpoint_every=max(sizes.steps, 1),
        progress=on_step,
    )
    return trained.method(backbone)


def run_rows(
    rows: Sequence[Row],
    backbone: BlockBackbone,
    sizes: Sizes,
    *,
    seeds: Sequence[int],
    log: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Scores]]:
    """Scores by row name, one per seed; baselines are scored once because no seed touches them."""
    found: dict[str, list[Scores]] = {row.name: [] for row in rows}
    for seed in seeds:
        world = build_world(backbone, sizes, seed=seed)
        for row in rows:
            if row.losses or not found[row.name]:
                method = method_of(row, backbone, world, sizes)
                found[row.name].append(score(method, world.test, world.validation, name=row.name))
                log(f"seed {seed} {row.name} {found[row.name][-1]}")
    return found


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (of the sample; 0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

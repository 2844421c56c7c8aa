"""The rows of the TagAlign tables, and the method of each: a baseline as it is, or a projector trained for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tagalign.backbones.protocols import BlockBackbone
from tagalign.experiments import protocol
from tagalign.experiments.world import Sizes, World
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.plan import Hooks
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

OnStep = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One line of the tables: a baseline (``losses`` empty) or a projector.

    Attributes:
        name: as printed.
        method: of the baseline, or ``tagalign``.
        losses: weight by name.
        kinds: tags that are trained on.
        loss: kind of the tag loss.
        mode: dense mode that a projector is trained on.
        split_kinds: one softmax per kind of tag.
    """

    name: str
    method: str = "tagalign"
    losses: dict[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    loss: str = "balanced"
    mode: str = protocol.MODE
    split_kinds: bool = False


BASELINES = tuple(TableRow(name=method, method=method) for method in ("clip", "maskclip", "surgery"))
BOTH = {"tag": 1.0, "contrastive": 1.0}
TRAINED = (
    TableRow(name="tagalign-captions", losses={"contrastive": 1.0}),
    TableRow(name="tagalign-objects", losses=BOTH, kinds=("object",)),
    TableRow(name="tagalign-objects-attributes", losses=BOTH, kinds=("object", "attribute")),
)
ROWS = (*BASELINES, *TRAINED)


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
    row: TableRow,
    backbone: BlockBackbone,
    world: World,
    sizes: Sizes,
    *,
    out_dir: Path | None = None,
    vocabulary: TagVocabulary | None = None,
    on_step: OnStep | None = None,
) -> DenseMethod:
    """The method of a row: a baseline as it is, or a projector trained with the row's losses and tags."""
    if not row.losses:
        options = DenseOptions(profile=protocol.PROFILE)
        return DenseMethod(backbone, options, method=row.method, mode=row.method)
    pairs = world.pairs
    if row.kinds:
        vocabulary = vocabulary or vocabulary_of(world, kinds=row.kinds)
        pairs = pairs.relabel(vocabulary.label(world.parses, kinds=row.kinds))
    plan = TagAlignPlan(
        steps=sizes.steps,
        batch_size=sizes.batch_size,
        learning_rate=sizes.learning_rate,
        precision=sizes.precision,
        losses=row.losses,
        loss=row.loss,
        profile=protocol.PROFILE,
        mode=row.mode,
        num_blocks=sizes.num_blocks,
        split_kinds=row.split_kinds,
        seed=world.seed,
        checkpoint_every=0,
    )
    data = TrainingPairs(pairs=pairs, vocabulary=vocabulary)
    trained = train_tagalign(backbone, data, plan, out_dir=out_dir, hooks=Hooks(progress=on_step))
    return trained.method(backbone)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (of the sample; 0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

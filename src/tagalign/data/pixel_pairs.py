"""Train on files of pairs straight from the pixels: how they are read, and what encodes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import Backbone
from tagalign.data.frozen_encoder import FrozenEncoder
from tagalign.data.pair_records import ShardRef
from tagalign.data.pair_stream import PairStream, StreamPlan
from tagalign.data.processes import Processes
from tagalign.data.tag_join import check_join
from tagalign.data.tag_table import TagTable
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.tagalign.folder import MODE
from tagalign.ops.precision import Precision


@dataclass(frozen=True, kw_only=True)
class PixelPlan:
    """How pixels are read and encoded.

    Attributes:
        profile: pixel statistics.
        size: side of the crops; the encoder's native one when None.
        mode: dense mode.
        precision: of the encoder.
        compile_encoder: see ``FrozenEncoder``.
        chunk: images per forward pass of the encoder.
        workers: processes that decode.
        streams: see ``StreamPlan``; as many as workers when None.
        augmentation: of the crops, a name in ``data.augment.AUGMENTATIONS``.
        cache_dtype: of cached features, see ``FeatureCache``.
    """

    profile: str = "paper"
    size: int | None = None
    mode: str = MODE
    precision: Precision = "fp32"
    compile_encoder: bool = False
    chunk: int = 256
    workers: int = 0
    streams: int | None = None
    augmentation: str = "crop"
    cache_dtype: str = "float16"


def pixel_source(
    backbone: Backbone,
    refs: Sequence[ShardRef],
    tags: TagTable | None,
    plan: PixelPlan,
    *,
    batch_size: int,
    seed: int = 0,
    world: Processes | None = None,
    with_texts: bool = True,
) -> tuple[PairStream, FrozenEncoder]:
    """A stream of pixel batches of one process, and what encodes them.

    Args:
        backbone: the frozen encoder.
        refs: shards of pairs.
        tags: of the captions.
        plan: see ``PixelPlan``.
        batch_size: images per step, over all processes.
        seed: of order and augmentation.
        world: the processes.
        with_texts: whether captions are encoded.
    """
    world = world or Processes(device=backbone.device)
    if tags is not None:
        check_join(refs, tags)
    own = batch_size // world.size
    stream_plan = StreamPlan(
        refs=tuple(refs),
        batch_size=own,
        chunk=largest_divisor(own, plan.chunk),
        size=plan.size or backbone.preprocessing.image_size,
        augmentation=plan.augmentation,
        seed=seed,
        rank=world.rank,
        world=world.size,
        streams=plan.streams or max(plan.workers, 1),
        workers=plan.workers,
    )
    tokenize = backbone.tokenizer if with_texts else None
    stream = PairStream(plan=stream_plan, tags=tags, tokenize=tokenize, pin=world.device.type == "cuda")
    return stream, encoder_of(backbone, plan, with_texts=with_texts)


def encoder_of(backbone: Backbone, plan: PixelPlan, *, with_texts: bool = True) -> FrozenEncoder:
    """What turns the pixels of a plan into features."""
    return FrozenEncoder(
        backbone,
        mode=plan.mode,
        preprocessing=pixel_statistics(backbone, plan.profile),
        precision=plan.precision,
        compile_encoder=plan.compile_encoder,
        with_texts=with_texts,
    )


def pixel_statistics(backbone: Backbone, profile: str) -> Preprocessing:
    """Mean and standard deviation of pixels in a profile: inference with the same one uses the same."""
    chosen, own = dense_profile(profile), backbone.preprocessing
    return Preprocessing(
        image_size=own.image_size, mean=chosen.pixel_mean or own.mean, std=chosen.pixel_std or own.std
    )


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of ``number`` that is at most ``limit``."""
    return next(d for d in range(min(limit, number), 0, -1) if number % d == 0)


def stream_facts(plan: StreamPlan, files: Sequence[ShardRef]) -> dict[str, Any]:
    """What decides the order of a pixel run, for the fingerprint of its checkpoints."""
    return {
        "files": sorted({ref.path.name for ref in files}),
        "size": plan.size,
        "augmentation": plan.augmentation,
        "chunk": plan.chunk,
        "streams": plan.streams,
        "world": plan.world,
    }

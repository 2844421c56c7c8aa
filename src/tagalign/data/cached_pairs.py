"""Pairs whose features are encoded once: kept on disk for a training, or in memory for a validation."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tagalign.backbones.protocols import Backbone
from tagalign.data.augment import load_crop
from tagalign.data.batches import PixelBatch, PixelChunks
from tagalign.data.feature_cache import CacheShard, FeatureCache
from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.data.frozen_encoder import FrozenEncoder
from tagalign.data.pair_records import BrokenPairError, Pair, ShardRef
from tagalign.data.pairs import open_shard
from tagalign.data.pixel_pairs import PixelPlan, encoder_of, pixel_statistics
from tagalign.data.processes import Processes
from tagalign.data.tag_join import check_join
from tagalign.data.tag_table import TagTable
from tagalign.errors import DataError, ImageError, InputError
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.vocabulary import TagLabels

CACHE_SHARD = 2048
"""Images per shard of a feature cache: 0.6 GB at ViT-B/16."""


def fill_cache(
    backbone: Backbone,
    refs: Sequence[ShardRef],
    cache: FeatureCache,
    plan: PixelPlan,
    *,
    on_broken: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Encode the middle square of every image once; a killed run goes on after its last whole shard.

    Args:
        backbone: the frozen encoder.
        refs: shards of pairs, in the order they are written.
        cache: where to.
        plan: see ``PixelPlan``; its augmentation is not used.
        on_broken: told the reason of each pair that is left out.
        progress: told how many pairs were written.
    """
    encode = encoder_of(backbone, plan)
    size = plan.size or backbone.preprocessing.image_size
    written, grid = sum(cache.counts), backbone.grid_of(size, size)
    # threads are enough here: Pillow decodes and resizes without holding the interpreter
    with ThreadPoolExecutor(max(plan.workers, 1)) as pool:
        for pairs, position in _pieces(refs, cache.position or [0, 0], on_broken):
            crops = pool.map(lambda pair: (pair, _crop(pair, size, on_broken)), pairs)
            good = [(pair, crop) for pair, crop in crops if crop is not None]
            if not good:
                continue
            cache.append(_cache_shard(backbone, encode, good, plan.chunk), position=position)
            written += len(good)
            if progress is not None:
                progress(written)
    cache.finish(grid)


def _cache_shard(
    backbone: Backbone, encode: FrozenEncoder, good: Sequence[tuple[Pair, np.ndarray]], chunk: int
) -> CacheShard:
    encoded = [encode(_pixels(backbone, good[i : i + chunk])) for i in range(0, len(good), chunk)]
    return CacheShard(
        features=torch.cat([e.features.float().cpu() for e in encoded]),
        texts=torch.cat([e.texts.float().cpu() for e in encoded if e.texts is not None]),
        keys=[pair.key for pair, _ in good],
        captions=[pair.caption for pair, _ in good],
    )


def _pieces(
    refs: Sequence[ShardRef], start: Sequence[int], on_broken: Callable[[str], None] | None
) -> Iterator[tuple[list[Pair], list[int]]]:
    """Pairs in lots of a cache shard, with the place after each lot: shard and number in it."""
    for place in range(start[0], len(refs)):
        try:
            shard = open_shard(refs[place])
        except DataError:
            if on_broken is not None:
                on_broken("shard unreadable")
            continue
        first = start[1] if place == start[0] else 0
        for begin in range(first, len(shard), CACHE_SHARD):
            end = min(begin + CACHE_SHARD, len(shard))
            lot = [_pair(shard, number, on_broken) for number in range(begin, end)]
            yield [pair for pair in lot if pair is not None], [place, end]


def _pair(shard: Any, number: int, on_broken: Callable[[str], None] | None) -> Pair | None:
    try:
        return shard.pair(number)
    except BrokenPairError as error:
        if on_broken is not None:
            on_broken(error.reason)
        return None


def _crop(pair: Pair, size: int, on_broken: Callable[[str], None] | None) -> np.ndarray | None:
    try:
        return load_crop(pair.image, size, augmentation="none", generator=np.random.default_rng(0))
    except ImageError as error:
        if on_broken is not None:
            on_broken(error.reason)
        return None


def _pixels(backbone: Backbone, batch: Sequence[tuple[Pair, Any]]) -> PixelChunks:
    chunk = PixelBatch(
        pixels=torch.from_numpy(np.stack([crop for _, crop in batch])),
        caption_ids=backbone.tokenizer([pair.caption for pair, _ in batch]),
        tags=TagRows.from_lists([[] for _ in batch]),
    )
    return PixelChunks(chunks=(chunk.to(backbone.device),))


def cache_facts(backbone: Backbone, refs: Sequence[ShardRef], plan: PixelPlan) -> dict[str, Any]:
    """What cached features depend on."""
    statistics = pixel_statistics(backbone, plan.profile)
    return {
        "backbone": backbone.name,
        "backbone_hash": backbone.weight_hash,
        "mode": plan.mode,
        "size": plan.size or backbone.preprocessing.image_size,
        "mean": list(statistics.mean),
        "std": list(statistics.std),
        "precision": plan.precision,
        "files": [f"{ref.path}:{ref.start}:{ref.end}" for ref in refs],
    }


def cached_pairs(
    backbone: Backbone,
    refs: Sequence[ShardRef],
    folder: str | Path,
    tags: TagTable | None,
    plan: PixelPlan,
    *,
    on_broken: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
    world: Processes | None = None,
) -> FeaturePairs:
    """Pairs of a feature cache, which is filled first where it is not whole.

    Raises:
        InputError: if several processes are asked to fill it; fill it in one.
        DataError: if the folder holds features of something else.
    """
    cache = FeatureCache(folder, facts=cache_facts(backbone, refs, plan), dtype=plan.cache_dtype)
    if not cache.is_complete:
        if world is not None and world.size > 1:
            raise InputError(
                f"{folder}: fill the feature cache in one process first, then train from it in many"
            )
        if tags is not None:
            check_join(refs, tags)
        fill_cache(backbone, refs, cache, plan, on_broken=on_broken, progress=progress)
    return cache.pairs(tags)


def first_pairs(
    backbone: Backbone,
    refs: Sequence[ShardRef],
    tags: TagTable | None,
    plan: PixelPlan,
    *,
    count: int,
) -> FeaturePairs:
    """The first ``count`` usable pairs as features in memory, for a validation.

    Raises:
        DataError: if there is none.
    """
    encode = encoder_of(backbone, plan)
    size = plan.size or backbone.preprocessing.image_size
    good: list[tuple[Pair, np.ndarray]] = []
    for pairs, _ in _pieces(refs, [0, 0], None):
        crops = ((pair, _crop(pair, size, None)) for pair in pairs)
        good += [(pair, crop) for pair, crop in crops if crop is not None][: count - len(good)]
        if len(good) == count:
            break
    if not good:
        raise DataError("no held-out pair can be read")
    encoded = [encode(_pixels(backbone, good[i : i + plan.chunk])) for i in range(0, len(good), plan.chunk)]
    rows = [(tags.find(pair.key, pair.caption) or []) if tags is not None else [] for pair, _ in good]
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return FeaturePairs(
        store=MemoryStore(features=torch.cat([e.features.cpu() for e in encoded]), grid=encoded[0].grid),
        images=np.arange(len(good)),
        texts=torch.cat([e.texts.cpu() for e in encoded if e.texts is not None]),
        labels=TagLabels(indptr, np.array([tag for row in rows for tag in row], dtype=np.int32)),
        keys=[pair.key for pair, _ in good],
    )

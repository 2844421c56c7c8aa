"""Pixel batches straight from shards of pairs: shuffled, decoded and tokenised by workers, entered at any batch."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tagalign.cores import end_at_once, worker_start
from tagalign.data.augment import load_crop
from tagalign.data.batches import PixelBatch, PixelChunks, Position
from tagalign.data.pair_records import BrokenPairError, Pair, PairShard, ShardRef
from tagalign.data.pairs import open_shard
from tagalign.data.stream_order import Cursor, Place, make_units, walk
from tagalign.data.tag_table import TagTable
from tagalign.errors import DataError, ImageError, InputError
from tagalign.ops.tag_rows import TagRows

Tokenize = Callable[[Sequence[str]], Int[Tensor, "captions tokens"]]
MAX_BROKEN = 10_000  # broken pairs in a row after which a collection is hopeless


@dataclass(frozen=True, kw_only=True)
class StreamPlan:
    """How a collection becomes batches.

    Attributes:
        refs: its shards.
        batch_size: images per step of this process.
        chunk: images that travel from a worker at a time; divides ``batch_size``.
        size: side of the crops in pixels.
        augmentation: a name in ``augment.AUGMENTATIONS``.
        seed: of order and augmentation.
        rank: of this process.
        world: number of processes.
        streams: independent readers of this process; fixes the order, so a resumed run needs the same number.
        workers: processes that read; a divisor of ``streams``, 0 reads in this process.
        window: shards that are open and mixed at a time in each stream.
    """

    refs: tuple[ShardRef, ...]
    batch_size: int
    chunk: int
    size: int
    augmentation: str = "crop"
    seed: int = 0
    rank: int = 0
    world: int = 1
    streams: int = 1
    workers: int = 0
    window: int = 4

    def __post_init__(self) -> None:
        if self.batch_size % self.chunk:
            raise InputError(f"chunk {self.chunk} must divide the batch size {self.batch_size}")
        if self.streams % max(self.workers, 1):
            raise InputError(
                f"{self.workers} workers cannot share {self.streams} streams; give a divisor of {self.streams}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class PairStream:
    """Endless batches of decoded pairs; a ``BatchSource``.

    Attributes:
        plan: see ``StreamPlan``.
        tags: of the captions by key; None gives no image a tag.
        tokenize: captions to ids; None leaves captions out.
        pin: copy batches into page-locked memory on the way.
    """

    plan: StreamPlan
    tags: TagTable | None
    tokenize: Tokenize | None
    pin: bool = False

    @property
    def batch_size(self) -> int:
        """Images per batch of this process."""
        return self.plan.batch_size

    def batches(self, position: Position = None) -> Iterator[PixelChunks]:
        """Batches from the start or from a ``position``.

        Raises:
            InputError: if the position belongs to another number of streams.
            DataError: if no pair can be read any more.
        """
        cursors: list[Cursor] = [(0, 0, 0)] * self.plan.streams
        number = 0
        if position is not None:
            number, cursors = int(position["number"]), [tuple(c) for c in position["cursors"]]
            if len(cursors) != self.plan.streams:
                raise InputError(
                    f"the run was started with {len(cursors)} streams, now there are {self.plan.streams}"
                )
        chunks: list[PixelBatch] = []
        for chunk in self._loader(cursors, number):
            cursors[number % self.plan.streams] = chunk.position
            number += 1
            chunks.append(chunk)
            if sum(map(len, chunks)) == self.plan.batch_size:
                yield PixelChunks(
                    chunks=tuple(chunks), position={"number": number, "cursors": [list(c) for c in cursors]}
                )
                chunks = []

    def _loader(self, cursors: Sequence[Cursor], number: int) -> Iterator[PixelBatch]:
        dataset = _Chunks(self, tuple(cursors), number)
        if not self.plan.workers:
            yield from dataset
        loader = DataLoader(
            dataset,
            batch_size=None,
            num_workers=self.plan.workers,
            pin_memory=self.pin,
            prefetch_factor=max(2, self.plan.batch_size // self.plan.chunk // self.plan.workers),
            multiprocessing_context=worker_start(),  # forked ones share the tag table
            worker_init_fn=end_at_once,
        )
        try:
            yield from loader
        except DataError as error:  # a worker's error comes back with its whole traceback as the message
            raise DataError(str(error).strip().splitlines()[-1].partition(": ")[2] or str(error)) from None


class _Chunks(IterableDataset[PixelBatch]):
    """Chunk number n comes from stream n % streams; a worker owns the streams that its chunks come from."""

    def __init__(self, source: PairStream, cursors: tuple[Cursor, ...], number: int) -> None:
        self.source, self.cursors, self.number = source, cursors, number

    def __iter__(self) -> Iterator[PixelBatch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        plan = self.source.plan
        readers: dict[int, _Reader] = {}
        number = self.number + worker
        while True:
            stream = number % plan.streams
            if stream not in readers:
                readers[stream] = _Reader(self.source, stream, self.cursors[stream])
            yield readers[stream].chunk()
            number += workers


@dataclass
class _Reader:
    """One stream: reads pairs until a chunk is full, counts those that are broken."""

    source: PairStream
    stream: int
    start: Cursor
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        plan = self.source.plan
        self._places = walk(
            make_units(plan.refs, streams=plan.world * plan.streams),
            self._open,
            streams=plan.world * plan.streams,
            stream=plan.rank * plan.streams + self.stream,
            seed=plan.seed,
            window=plan.window,
            start=self.start,
        )

    def _open(self, ref: ShardRef) -> PairShard | None:
        try:
            return _opened(ref)
        except DataError as error:
            self.skipped["shard unreadable"] += 1
            warnings.warn(f"passed over a shard: {error}", stacklevel=2)
            return None

    def chunk(self) -> PixelBatch:
        """The next full chunk."""
        plan = self.source.plan
        pixels, pairs, broken = [], list[Pair](), 0
        while True:
            place = next(self._places)
            try:
                pair = place.shard.pair(place.number)
                pixels.append(
                    load_crop(
                        pair.image, plan.size, augmentation=plan.augmentation, generator=self._random(place)
                    )
                )
            except (BrokenPairError, ImageError) as error:
                self.skipped[error.reason] += 1
                broken += 1
                if broken > MAX_BROKEN:
                    raise DataError(f"{MAX_BROKEN} broken pairs in a row: {dict(self.skipped)}") from error
                continue
            pairs.append(replace(pair, image=b""))
            broken = 0
            if len(pairs) == plan.chunk:
                return self._join(pixels, pairs, place.after)

    def _random(self, place: Place) -> np.random.Generator:
        return np.random.default_rng(
            (self.source.plan.seed, self.source.plan.rank, self.stream, *place.cursor, 1)
        )

    def _join(self, pixels: list[Any], pairs: list[Pair], after: Cursor) -> PixelBatch:
        rows = [self._tags(pair) for pair in pairs]
        tokenize = self.source.tokenize
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # web captions past the text context are cut, thousands of them
            ids = None if tokenize is None else tokenize([pair.caption for pair in pairs])
        skipped, self.skipped = dict(self.skipped), Counter()
        return PixelBatch(
            pixels=torch.from_numpy(np.stack(pixels)),
            caption_ids=ids,
            tags=TagRows.from_lists(rows),
            keys=tuple(pair.key for pair in pairs),
            position=after,
            skipped=skipped,
        )

    def _tags(self, pair: Pair) -> list[int]:
        if self.source.tags is None:
            return []
        found = self.source.tags.find(pair.key, pair.caption)
        if found is None:
            self.skipped["no tag row"] += 1  # the pair stays: its caption still teaches
        return found or []


@lru_cache(maxsize=16)
def _opened(ref: ShardRef) -> PairShard:
    """Parts of one shard share its index."""
    return open_shard(ref)

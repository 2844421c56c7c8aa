"""The order in which training reads shards: a function of seed and epoch, shared out to streams, entered anywhere.

A unit is a shard or a part of one. Every epoch deals the shuffled units to the streams like cards; a stream opens
a window of units at a time and reads their pairs in one shuffled order. Where a stream stands is three
numbers, so a resumed run opens one window and goes on, without reading what came before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tagalign.data.pair_records import PairShard, ShardRef
from tagalign.errors import DataError, InputError

UNITS_PER_STREAM = 8  # fewer would leave some streams with much longer epochs than others

Cursor = tuple[int, int, int]
"""Epoch, window of the epoch, place in the window."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Every ``parts``-th pair of a shard, from number ``part`` on."""

    ref: ShardRef
    part: int = 0
    parts: int = 1


def make_units(refs: Sequence[ShardRef], *, streams: int) -> list[Unit]:
    """The units of a collection: shards, cut into parts where there are too few of them to share out evenly.

    Raises:
        InputError: if there is no shard.
    """
    if not refs:
        raise InputError("expected at least one shard of pairs, got none")
    parts = max(1, -(-UNITS_PER_STREAM * streams // len(refs))) if streams > 1 else 1
    return [Unit(ref=ref, part=part, parts=parts) for ref in refs for part in range(parts)]


def deal(units: Sequence[Unit], *, streams: int, stream: int, seed: int, epoch: int) -> list[Unit]:
    """The units of one stream in one epoch."""
    order = np.random.default_rng((seed, epoch)).permutation(len(units))
    return [units[i] for i in order[stream::streams].tolist()]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One pair to read, and the cursor after it."""

    shard: PairShard
    number: int
    cursor: Cursor
    after: Cursor


def walk(
    units: Sequence[Unit],
    open_shard: Callable[[ShardRef], PairShard | None],
    *,
    streams: int,
    stream: int,
    seed: int,
    window: int,
    start: Cursor = (0, 0, 0),
) -> Iterator[Place]:
    """The endless walk of one stream over its pairs.

    Args:
        units: of the whole collection.
        open_shard: gives the pairs of a shard, or None where it cannot be read (it is then passed over).
        streams: over all processes.
        stream: number of this one.
        seed: of the order.
        window: units that are open and mixed at a time.
        start: where to begin.

    Raises:
        DataError: if a whole epoch of the stream has no pair.
    """
    epoch, first, offset = start
    while True:
        own = deal(units, streams=streams, stream=stream, seed=seed, epoch=epoch)
        seen = 0
        for number in range(first, -(-len(own) // window)):
            opened = [(open_shard(u.ref), u) for u in own[number * window : (number + 1) * window]]
            places = [
                (shard, i)
                for shard, unit in opened
                if shard is not None
                for i in range(unit.part, len(shard), unit.parts)
            ]
            seen += len(places)
            order = np.random.default_rng((seed, epoch, stream, number)).permutation(len(places))
            for place in range(offset, len(places)):
                shard, i = places[order[place]]
                now, after = (epoch, number, place), (epoch, number, place + 1)
                yield Place(shard=shard, number=i, cursor=now, after=after)
            offset = 0
        if not seen and first == 0:
            raise DataError(
                "a whole epoch went by without a pair that could be read; look at the counts of skipped pairs"
            )
        epoch, first = epoch + 1, 0

"""Batches for Tag2Text straight from shards: shuffled, entered at any step, with memory that does not grow with the data.

Every process reads the words of the whole step and decodes the photos of its own rows, so what a run learns does not depend
on how many processes share it.
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.data.augment import decode
from tagalign.data.pair_records import BrokenPairError, PairShard, ShardRef
from tagalign.data.processes import Processes
from tagalign.data.stream_order import Cursor, Place, make_units, walk
from tagalign.data.tag2text.batches import (
    PhotoData,
    QuestionAnswer,
    Tag2TextBatch,
    batch_of_records,
    draw_seeds,
    step_rng,
)
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.data.tag2text.shards import TaggedShards, open_or_none
from tagalign.errors import DataError, ImageError

WINDOW = 4  # shards that are open and mixed at a time
MAX_BROKEN = 10_000  # samples in a row without a record after which a collection is hopeless
MOST_HELD_OUT = 2000  # enough for thresholds, and little to read

Taken = tuple[PairShard, int, TaggedRecord]


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordStream:
    """Endless batches of a collection of shards.

    A sample without a record is passed over and counted. A photo that cannot be decoded becomes a grey one and is counted:
    leaving it out would need all processes to agree about every photo.

    Attributes:
        shards: where records are.
        photos: how photos become pixels; it holds none itself.
        held_out: share of the keys that is never trained on.
        seed: of who is held out.
        window: shards that are mixed at a time.
    """

    shards: TaggedShards
    photos: PhotoData
    held_out: float = 0.0
    seed: int = 0
    window: int = WINDOW

    def batches(
        self, position: Any, *, batch_size: int, seed: int, processes: Processes
    ) -> Iterator[Tag2TextBatch]:
        """Batches from the start (None), or from the position that an earlier batch carried; the same ones every time.

        Raises:
            DataError: if no record can be read any more, or most photos of a batch cannot.
        """
        number, cursor = (0, (0, 0, 0)) if position is None else (position["step"], tuple(position["cursor"]))
        units = make_units(self.shards.refs, streams=1)
        places = walk(units, _opened, streams=1, stream=0, seed=seed, window=self.window, start=cursor)
        own = processes.own_rows(batch_size)
        with ThreadPoolExecutor(max(1, self.photos.workers)) as pool:
            while True:
                skipped: Counter[str] = Counter()
                taken, after = self._take(places, batch_size, skipped)
                seeds = draw_seeds(range(batch_size), step_rng(seed, number, "images"))
                images = list(pool.map(self._pixels, taken[own], seeds[own]))
                blank = sum(image is None for image in images)
                if blank > len(images) / 2:
                    raise DataError(
                        f"{blank} of {len(images)} photos of one batch cannot be read, e.g. {taken[own][0][2].key}"
                    )
                skipped.update({"blank photo": blank} if blank else {})
                batch = batch_of_records(
                    [record for _, _, record in taken],
                    torch.stack([self._blank() if image is None else image for image in images]),
                    step_rng(seed, number, "captions"),
                    own=own,
                )
                number += 1
                yield replace(batch, position={"step": number, "cursor": list(after)}, skipped=dict(skipped))

    def _take(self, places: Iterator[Place], count: int, skipped: Counter[str]) -> tuple[list[Taken], Cursor]:
        """The next samples with a record that may be trained on, and where the walk stands after them."""
        taken: list[Taken] = []
        broken = 0
        for place in places:
            try:
                record = self.shards.record(place.shard, place.number)
            except BrokenPairError as error:
                skipped[error.reason] += 1
                broken += 1
                if broken > MAX_BROKEN:
                    raise DataError(f"{broken} samples in a row have no record; the last: {error}") from error
                continue
            broken = 0
            if not self.is_held_out(record.key):
                taken.append((place.shard, place.number, record))
            if len(taken) == count:
                return taken, place.after
        raise AssertionError("a walk never ends")

    def _pixels(self, taken: Taken, seed: float) -> Float[Tensor, "3 side side"] | None:
        shard, number, _ = taken
        try:
            encoded = self.shards.photo(shard, number)
            image = decode(encoded, at_least=self.photos.preprocessing.image_size)
        except (BrokenPairError, ImageError):
            return None
        return self.photos.pixels(image, seed)

    def _blank(self) -> Float[Tensor, "3 side side"]:
        """The mean colour."""
        side = self.photos.preprocessing.image_size
        return torch.zeros(3, side, side)

    def is_held_out(self, key: str) -> bool:
        """Whether a sample is never trained on: follows from seed and key alone."""
        if not self.held_out:
            return False
        digest = hashlib.blake2b(f"held-out/{self.seed}/{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.held_out * 2**64

    def held_out_data(self, most: int = MOST_HELD_OUT) -> "HeldOutData | None":
        """The first held-out samples of the collection, at most so many; None where there are none."""
        taken: list[Taken] = []
        for ref in self.shards.refs:
            shard = open_or_none(ref)
            for number in range(0 if shard is None or not self.held_out else len(shard)):
                assert shard is not None
                try:
                    record = self.shards.record(shard, number)
                except BrokenPairError:
                    continue
                if self.is_held_out(record.key):
                    taken.append((shard, number, record))
                if len(taken) == most:
                    break
            if len(taken) == most:
                break
        whole = replace(self, photos=replace(self.photos, crop=1.0, rand_augment=False))
        return HeldOutData(stream=whole, taken=taken) if taken else None


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOutData:
    """Some samples of a stream as a ``Tag2TextData``; photos are read when they are asked for.

    Attributes:
        stream: how they are read; without augmentation.
        taken: the samples.
        questions: none.
    """

    stream: RecordStream
    taken: Sequence[Taken]
    questions: Sequence[Sequence[QuestionAnswer]] = field(default=())
    are_tokens: bool = False

    @property
    def records(self) -> list[TaggedRecord]:
        """Words and tags."""
        return [record for _, _, record in self.taken]

    def images(self, rows: Sequence[int], seeds: Sequence[float]) -> Tensor:
        """Pixels of some photos; grey where one cannot be read."""
        found = [self.stream._pixels(self.taken[row], seed) for row, seed in zip(rows, seeds, strict=True)]
        return torch.stack([self.stream._blank() if image is None else image for image in found])


def _opened(ref: ShardRef) -> PairShard | None:
    shard = open_or_none(ref)
    if shard is None:
        warnings.warn(f"{ref.path} cannot be read and is passed over", stacklevel=2)
    return shard

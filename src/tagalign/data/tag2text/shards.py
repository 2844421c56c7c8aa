"""Tagged records that stay in their files: pairs with label rows, tars with a record beside each photo, files of records.

In a tar ``KEY.json`` may be a record of the release (``caption`` and ``parse_label_id``) whose photo is ``KEY.jpg``; with
label rows a caption alone is enough, as ``tagalign label`` joins it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tagalign.data.pair_records import BrokenPairError, PairShard, ShardRef
from tagalign.data.pairs import open_shard
from tagalign.data.tag2text.record_shards import KIND, RecordsShard
from tagalign.data.tag2text.records import TaggedRecord, checked_row, from_release, record_of
from tagalign.data.tag_table import TagTable
from tagalign.data.tar_shard import TarShard
from tagalign.errors import DataError
from tagalign.tags.captions import BadRow

LOOKED_AT = 100  # samples of the first shard, before training begins


@dataclass(frozen=True, kw_only=True, eq=False)
class TaggedShards:
    """A collection whose records are read when they are asked for.

    Attributes:
        refs: its shards.
        num_tags: length of the tag list; every id must be below.
        labels: tag ids by key and caption; None where tars hold records of the release.
    """

    refs: tuple[ShardRef, ...]
    num_tags: int
    labels: TagTable | None = None

    def record(self, shard: PairShard, number: int) -> TaggedRecord:
        """Words and tags of one sample; its photo is not read.

        Raises:
            BrokenPairError: if it has no caption.
            DataError: if a tag id is outside of the list.
        """
        if isinstance(shard, RecordsShard):
            return shard.record(number, self.num_tags)
        if self.labels is None:
            return self._own_record(shard, number)
        row = shard.row(number)
        if isinstance(row, BadRow):
            raise BrokenPairError(row.reason, row.message)
        ids = tuple(self.labels.find(row.key, row.caption) or ())
        return TaggedRecord(key=row.key, image=row.key, captions=(row.caption,), tags=(ids,))

    def _own_record(self, shard: PairShard, number: int) -> TaggedRecord:
        if not isinstance(shard, TarShard):
            raise DataError(
                "records without label rows are read from tars; give --label-rows with other pairs"
            )
        key = shard.key(number)
        place, text = f"{shard.path}:{key}", shard.document(number)
        if text is None:
            raise BrokenPairError("no record", place)
        try:
            row = from_release(json.loads(text), place, key=key)
        except (ValueError, DataError) as error:
            raise BrokenPairError("no record", f"{place} ({error})") from error
        if not row["captions"] or len(row["captions"]) != len(row["tags"]):
            raise BrokenPairError("no record", f"{place} (captions and lists of tags are not parallel)")
        return record_of(checked_row(row, place, self.num_tags))

    def photo(self, shard: PairShard, number: int) -> bytes | Path:
        """The encoded photo of one sample, or where it lies.

        Raises:
            BrokenPairError: if it has none.
        """
        if isinstance(shard, TarShard):
            found = shard.photo(number)
            if found is None:
                raise BrokenPairError("no image", f"{shard.path}:{shard.key(number)}")
            return found
        return shard.pair(number).image

    def captions(self) -> Iterator[str]:
        """Every caption once, shard by shard; what cannot be read is passed over."""
        for ref in self.refs:
            shard = open_or_none(ref)
            for number in range(0 if shard is None else len(shard)):
                assert shard is not None
                try:
                    yield from self.record(shard, number).captions
                except BrokenPairError:
                    continue

    def check(self) -> None:
        """Look at the first samples before hours are spent.

        Raises:
            DataError: if no shard can be read, or none of the samples is a record.
        """
        shard = next((opened for ref in self.refs if (opened := open_or_none(ref)) is not None), None)
        if shard is None:
            raise DataError(f"{self.refs[0].path}: none of {len(self.refs)} shards can be read")
        wrong: BrokenPairError | None = None
        for number in range(min(LOOKED_AT, len(shard))):
            try:
                self.record(shard, number)
                return
            except BrokenPairError as error:
                wrong = wrong or error
        raise DataError(
            f"{wrong}: a tar without --label-rows needs KEY.json with caption and parse_label_id beside KEY.jpg"
        )

    @cached_property
    def mark(self) -> str:
        """Of names and sizes of the shards: a run is not continued on others."""
        facts = [(ref.path.name, ref.kind, ref.start, ref.end, _size(ref.path)) for ref in self.refs]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    @cached_property
    def count(self) -> int:
        """Samples, broken ones included; opens every shard."""
        return sum(0 if (shard := open_or_none(ref)) is None else len(shard) for ref in self.refs)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def open_or_none(ref: ShardRef) -> PairShard | None:
    """A shard; None where it cannot be read: one bad file never ends a run."""
    try:
        return RecordsShard(ref) if ref.kind == KIND else open_shard(ref)
    except DataError:
        return None

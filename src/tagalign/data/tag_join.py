"""Whether tags and pairs belong together: a look at keys from all over a collection, before hours are spent on it."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence

from tagalign.data.pair_records import ShardRef
from tagalign.data.pairs import open_shard
from tagalign.data.tag_table import TagTable
from tagalign.errors import DataError
from tagalign.tags.captions import BadRow
from tagalign.tags.captions.rows import CaptionRow, photo_endings

SHARDS, PAIRS = 8, 256  # looked at: up to 2,048 pairs; 8 times as many before a collection is refused
TRIED = 100  # keys without tags that are looked at for what parts them from the others
FEW = 0.5
"""Share of pairs with tags under which a warning is given."""


def check_join(refs: Sequence[ShardRef], tags: TagTable) -> None:
    """Look whether pairs have tag rows; photos are not read.

    Raises:
        DataError: if none that was looked at has one.
    """
    found, missing = _look(_spread(refs, SHARDS), tags)
    if not found and missing:
        found, missing = _look(_spread(refs, 8 * SHARDS), tags)
    report_join(found, missing, tags)


def report_join(found: int, missing: Sequence[str], tags: TagTable) -> None:
    """Refuse a join that finds nothing, warn of one that finds few.

    Args:
        found: number of pairs with tags.
        missing: keys without.
        tags: what was searched.

    Raises:
        DataError: if there are keys, and none was found.
    """
    total = found + len(missing)
    if not missing or found >= FEW * total:
        return
    message = (
        f"{found} of {total} pairs that were looked at have a tag row; without one are {_quoted(missing[:3])}, the tag rows "
        f"are of {_quoted(tags.examples)}"
    )
    if not found:
        raise DataError(f"{message}; {_advice(missing, tags)}")
    warnings.warn(message, stacklevel=2)


def _advice(missing: Sequence[str], tags: TagTable) -> str:
    """What may part the keys of both sides, tried on some of them."""
    for key in missing[:TRIED]:
        stem = os.path.splitext(key)[0]  # noqa: PTH122 (keys are no paths)
        others = {
            "an ending": (stem, *(f"{key}.{ending}" for ending in photo_endings())),
            "a folder": (key.rpartition("/")[2],),
            "the case of letters": (key.lower(), key.upper()),
        }
        for words, tries in others.items():
            for other in tries:
                if other != key and tags.find(other, "") is not None:
                    return f"the keys differ by {words} ({key!r}, {other!r}); parse the pairs that are trained on"
    return "are these the labels of the same pairs (joined by key)?"


def some_keys(refs: Sequence[ShardRef]) -> list[str]:
    """Keys of pairs from all over a collection; shards that cannot be read are passed over, as training does."""
    return [row.key for row in _rows(_spread(refs, SHARDS))]


def _quoted(keys: Iterable[str]) -> str:
    return ", ".join(map(repr, keys)) + ", ..."


def _spread(refs: Sequence[ShardRef], count: int) -> list[ShardRef]:
    """At most so many shards, evenly from the first to the last."""
    step = max(1, len(refs) // count)
    return list(refs[::step][:count])


def _rows(refs: Sequence[ShardRef]) -> Iterator[CaptionRow]:
    """The first usable rows of some shards."""
    for ref in refs:
        try:
            shard = open_shard(ref)
        except DataError:
            continue  # training passes over it too, and says so
        for number in range(min(PAIRS, len(shard))):
            row = shard.row(number)
            if not isinstance(row, BadRow):
                yield row


def _look(refs: Sequence[ShardRef], tags: TagTable) -> tuple[int, list[str]]:
    found, missing = 0, list[str]()
    for row in _rows(refs):
        if tags.find(row.key, row.caption) is None:
            missing.append(row.key)
        else:
            found += 1
    return found, missing

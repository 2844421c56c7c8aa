"""Features are cached from whatever can be read; what cannot is counted by reason."""

from collections import Counter

import pytest

from tagalign.data.cached_pairs import cached_pairs
from tagalign.data.pairs import find_shards
from tagalign.data.pixel_pairs import PixelPlan
from tagalign.errors import DataError

from .collections import sample, write_tar, write_tars


def fill(backbone, folder, cache):
    broken = Counter()
    refs = find_shards([folder])
    pairs = cached_pairs(
        backbone, refs, cache, None, PixelPlan(), on_broken=lambda reason: broken.update([reason])
    )
    return pairs, broken


def test_a_cache_leaves_out_broken_pairs_and_unreadable_shards(backbone, tmp_path):
    tars = write_tars(tmp_path / "tars", shards=2, per_shard=3)
    key, members = sample(100)
    write_tar(tars / "00007.tar", [(key, members | {"jpg": b"no image"})])
    (tars / "00001.tar").write_bytes(b"this is no tar" * 100)
    pairs, broken = fill(backbone, tars, tmp_path / "cache")
    assert list(pairs.keys) == [f"{n:09d}" for n in range(3)]
    assert broken == {"shard unreadable": 1, "image damaged": 1}


def test_a_collection_without_any_readable_pair_is_refused(backbone, tmp_path):
    tars = write_tars(tmp_path / "tars", shards=1)
    (tars / "00000.tar").write_bytes(b"this is no tar" * 100)
    with pytest.raises(DataError, match="no pair could be encoded"):
        fill(backbone, tars, tmp_path / "cache")

"""A feature cache gives back what was stored, says what storing costs, and is never used for something else.

Holds ``data/feature_pairs.py``.
"""

import resource

import numpy as np
import pytest
import torch

from tagalign.data.feature_cache import CacheShard, FeatureCache, _save_array
from tagalign.data.feature_pairs import FeaturePairs, MemoryStore, ShuffledPairs
from tagalign.errors import DataError, InputError
from tagalign.tags.vocabulary import TagLabels

FACTS = {"backbone": "x", "size": 32}
GRID = (2, 3)


def shard(start, count):
    generator = torch.Generator().manual_seed(start)
    keys = [f"k{i}" for i in range(start, start + count)]
    features = torch.randn(count, 6, 8, generator=generator) * torch.logspace(-2, 2, 8)
    return CacheShard(
        features=features, texts=torch.randn(count, 4, generator=generator), keys=keys, captions=keys
    )


def filled(folder, dtype="float16"):
    cache = FeatureCache(folder, facts=FACTS, dtype=dtype)
    shards = [shard(0, 5), shard(5, 3)]
    for number, part in enumerate(shards):
        cache.append(part, position=[number, 5])
    cache.finish(GRID)
    return cache, torch.cat([s.features for s in shards]), torch.cat([s.texts for s in shards])


def test_rows_come_back_in_the_order_asked_for(tmp_path):
    cache, features, texts = filled(tmp_path)
    pairs = FeatureCache(tmp_path, facts=FACTS).pairs()
    rows = np.array([7, 0, 5, 4, 0])
    assert torch.equal(pairs.store.take(rows), features.half()[rows])
    assert torch.equal(pairs.texts, texts.half())
    assert list(pairs.keys) == [f"k{i}" for i in range(8)]
    assert pairs.store.grid == GRID
    assert 0 < cache.error < 2**-11  # half of float16's last digit


def test_float8_takes_half_the_room_and_states_its_error(tmp_path):
    cache, features, _ = filled(tmp_path, dtype="float8")
    pairs = cache.pairs()
    restored = pairs.store.take(np.arange(8)).float()
    error = ((restored - features).norm(dim=-1) / features.norm(dim=-1)).max().item()
    assert cache.error == pytest.approx(error, rel=1e-3)
    assert 0.005 < error < 2**-4  # three bits behind the leading one: at most 1/16 of each number
    sizes = {p.name: p.stat().st_size for p in tmp_path.glob("*-00000.npy")}
    assert sizes["features-00000.npy"] - 128 == 5 * 6 * 8  # after npy's header


def test_a_half_filled_cache_goes_on_and_is_refused_before(tmp_path):
    cache = FeatureCache(tmp_path, facts=FACTS)
    cache.append(shard(0, 5), position=[0, 5])
    again = FeatureCache(tmp_path, facts=FACTS)
    assert (again.counts, again.position) == ([5], [0, 5])
    with pytest.raises(DataError, match="not complete"):
        again.pairs()
    again.append(shard(5, 3), position=[1, 3])
    again.finish(GRID)
    assert len(again.pairs()) == 8


def test_stale_or_damaged_caches_are_refused(tmp_path):
    filled(tmp_path)
    with pytest.raises(DataError, match="size = 32, wanted 64"):
        FeatureCache(tmp_path, facts=FACTS | {"size": 64})
    with pytest.raises(DataError, match="dtype = 'float16', wanted 'float8'"):
        FeatureCache(tmp_path, facts=FACTS, dtype="float8")
    with pytest.raises(InputError, match="got 'int4'"):
        FeatureCache(tmp_path, facts=FACTS, dtype="int4")
    path = tmp_path / "features-00001.npy"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"features-00001\.npy: cannot be read"):
        FeatureCache(tmp_path, facts=FACTS).pairs().store.take(np.array([6]))
    (tmp_path / "cache.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        FeatureCache(tmp_path, facts=FACTS)


def pairs_of(count):
    return FeaturePairs(
        store=MemoryStore(features=torch.arange(count).float()[:, None, None], grid=(1, 1)),
        images=np.arange(count),
        texts=torch.arange(count).float()[:, None],
        labels=TagLabels(np.arange(count + 1, dtype=np.int64), np.arange(count, dtype=np.int32)),
        keys=[str(i) for i in range(count)],
    )


def test_two_processes_see_what_one_with_twice_the_batch_sees():
    pairs = pairs_of(11)
    whole = ShuffledPairs(pairs=pairs, batch_size=4, seed=3).batches()
    halves = [ShuffledPairs(pairs=pairs, batch_size=2, seed=3, rank=r, world=2).batches() for r in (0, 1)]
    seen = []
    for _ in range(11):
        batch = next(whole)
        assert batch.keys == tuple(key for half in halves for key in next(half).keys)
        assert (
            batch.features.flatten().tolist()
            == batch.texts.flatten().tolist()
            == [float(k) for k in batch.keys]
        )
        assert batch.tags.tags.tolist() == [int(k) for k in batch.keys]
        seen += batch.keys
    for epoch in range(4):
        assert sorted(map(int, seen[epoch * 11 : epoch * 11 + 11])) == list(range(11))
    resumed = ShuffledPairs(pairs=pairs, batch_size=4, seed=3).batches(position=9)
    assert next(resumed).keys == tuple(seen[36:40])


def test_the_first_pairs_keep_their_tags():
    few = pairs_of(11).first(3)
    assert len(few) == 3
    assert few.batch(np.array([2, 0])).tags.tags.tolist() == [2, 0]


def test_rows_must_fit_together():
    with pytest.raises(DataError, match="one row per pair everywhere"):
        FeaturePairs(
            store=MemoryStore(features=torch.zeros(2, 1, 1), grid=(1, 1)),
            images=np.arange(2),
            texts=torch.zeros(3, 1),
            labels=TagLabels(np.zeros(3, dtype=np.int64), np.zeros(0, dtype=np.int32)),
        )


def test_a_full_disk_leaves_no_short_array(tmp_path):
    """numpy.save loses the last piece of a small array in silence; a limit of the process stands for the full disk."""
    array = np.arange(3000, dtype=np.float16).reshape(10, 300)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            _save_array(tmp_path / "a.npy", array)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    _save_array(tmp_path / "a.npy", array)
    np.save(tmp_path / "b.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()

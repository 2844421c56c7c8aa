"""The stream shows every pair once per epoch, starts anywhere, and survives what web data holds."""

import pickle
from dataclasses import replace

import pytest
import torch

from tagalign.data.pair_stream import PairStream, StreamPlan, _Chunks
from tagalign.data.pairs import find_shards
from tagalign.data.stream_order import deal, make_units
from tagalign.errors import DataError, InputError

from .collections import jpeg, sample, write_tar, write_tars


def make_stream(folder, **options):
    options = {"batch_size": 6, "chunk": 3, "size": 16, "window": 2} | options
    return PairStream(plan=StreamPlan(refs=tuple(find_shards([folder])), **options), tags=None, tokenize=None)


def take(stream, count, position=None):
    batches = stream.batches(position)
    return [next(batches) for _ in range(count)]


def keys(batches):
    return [key for batch in batches for chunk in batch.chunks for key in chunk.keys]


def pixels(batches):
    return torch.cat([chunk.pixels for batch in batches for chunk in batch.chunks])


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_every_pair_comes_once_per_epoch(tmp_path, streams):
    stream = make_stream(write_tars(tmp_path), streams=streams)
    seen = keys(take(stream, 5))  # 30 pairs
    if streams == 1:
        assert sorted(seen) == [f"{n:09d}" for n in range(30)]
    assert seen != sorted(seen)
    later = keys(take(stream, 50))
    counts = {key: later.count(key) for key in seen}
    # ten epochs: streams of unequal length drift apart by less than two epochs
    assert set(counts.values()) <= set(range(8, 13))


@pytest.mark.parametrize("augmentation", ["crop", "released"])
@pytest.mark.parametrize("streams", [1, 2])
def test_a_resumed_stream_goes_on_at_the_right_sample(tmp_path, augmentation, streams):
    folder = write_tars(tmp_path)
    whole = take(make_stream(folder, streams=streams, augmentation=augmentation), 12)
    for stop in (1, 4, 7):
        rest = take(
            make_stream(folder, streams=streams, augmentation=augmentation),
            12 - stop,
            whole[stop - 1].position,
        )
        assert keys(rest) == keys(whole[stop:])
        assert torch.equal(pixels(rest), pixels(whole[stop:]))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(tmp_path, workers):
    folder = write_tars(tmp_path)
    alone = take(make_stream(folder, streams=4), 4)
    shared = make_stream(folder, streams=4, workers=workers)
    assert keys(take(shared, 4)) == keys(alone)
    assert keys(take(shared, 2, alone[1].position)) == keys(alone[2:])


def test_processes_share_an_epoch_without_overlap(tmp_path):
    units = make_units(find_shards([write_tars(tmp_path)]), streams=4)
    hands = [deal(units, streams=4, stream=s, seed=0, epoch=3) for s in range(4)]
    dealt = [(u.ref, u.part) for hand in hands for u in hand]
    assert len(dealt) == len(set(dealt)) == len(units)
    assert hands != [deal(units, streams=4, stream=s, seed=0, epoch=4) for s in range(4)]


def test_web_data_is_skipped_and_counted(tmp_path):
    """1 % corrupt images, 1 % missing captions, one truncated tar of four."""
    tmp_path.mkdir(exist_ok=True)
    for shard in range(4):
        samples = []
        for n in range(shard * 100, shard * 100 + 100):
            key, members = sample(n)
            if n % 100 == 11:
                members["jpg"] = members["jpg"][:60]
            if n % 100 == 44:
                members.pop("txt"), members.pop("json")
            samples.append((key, members))
        write_tar(tmp_path / f"{shard:05d}.tar", samples)
    cut = tmp_path / "00003.tar"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with pytest.warns(UserWarning, match="cut off"):
        batches = take(make_stream(tmp_path, batch_size=10, chunk=10, window=4), 34)
    total = sum(torch.tensor([b.skipped.get(r, 0) for r in ("image damaged", "no caption")]) for b in batches)
    seen = keys(batches)[:343]
    assert (
        len(set(seen)) >= 338
    )  # 98 of each whole tar, about 48 of the cut one; the rest begins the next epoch
    assert all(int(key) % 100 not in (11, 44) for key in seen)
    assert total.tolist() == [4, 4]
    assert sum(b.skipped.get("shard cut off", 0) for b in batches) <= 1


def test_an_unreadable_shard_is_passed_over(tmp_path):
    write_tars(tmp_path, shards=2)
    (tmp_path / "00009.tar").write_bytes(b"")
    with pytest.warns(UserWarning, match="passed over a shard"):
        batches = take(make_stream(tmp_path), 4)
    assert sum(b.skipped.get("shard unreadable", 0) for b in batches) >= 1


def test_a_hopeless_collection_ends_with_its_counts(tmp_path):
    write_tar(tmp_path / "a.tar", [(str(n), {"jpg": b"nothing", "txt": b"a"}) for n in range(3)])
    with pytest.raises(DataError, match="image damaged"):
        take(make_stream(tmp_path, batch_size=2, chunk=2), 1)


def test_large_jpegs_are_scaled_while_they_are_decoded(tmp_path):
    from tagalign.data.augment import decode

    image = decode(jpeg(1, size=(2048, 1024)), at_least=100)
    assert image.size == (512, 256)  # 1/4: the smallest that leaves 200 pixels


def test_refusals(tmp_path):
    folder = write_tars(tmp_path)
    with pytest.raises(InputError, match="chunk 4 must divide"):
        make_stream(folder, chunk=4)
    with pytest.raises(InputError, match="3 workers cannot share 4 streams"):
        make_stream(folder, streams=4, workers=3)
    position = take(make_stream(folder, streams=2), 1)[0].position
    with pytest.raises(InputError, match="2 streams, now there are 1"):
        take(make_stream(folder), 1, position)


def test_what_workers_are_sent_survives_the_way(tmp_path, backbone):
    """Where processes are not forked (Windows, macOS), they get their work as bytes."""
    stream = replace(make_stream(write_tars(tmp_path), streams=2), tokenize=backbone.tokenizer)
    sent = pickle.loads(pickle.dumps(_Chunks(stream, ((0, 0, 0),) * 2, 0)))
    for _, own, other in zip(range(4), _Chunks(stream, ((0, 0, 0),) * 2, 0), sent, strict=False):
        assert own.keys == other.keys
        assert torch.equal(own.pixels, other.pixels)
        assert torch.equal(own.caption_ids, other.caption_ids)


@pytest.mark.slow  # two processes that import torch
def test_workers_that_begin_anew_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tagalign.data.pair_stream.worker_start", lambda: "spawn")
    folder = write_tars(tmp_path)
    alone, spawned = make_stream(folder, streams=2), make_stream(folder, streams=2, workers=2)
    for own, other in zip(take(alone, 3), take(spawned, 3), strict=True):
        assert keys([own]) == keys([other])
        assert torch.equal(pixels([own]), pixels([other]))

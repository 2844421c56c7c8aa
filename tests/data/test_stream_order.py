"""The order of training: every pair once an epoch, over any number of streams, entered anywhere."""

from itertools import islice
from pathlib import Path

import pytest

from tagalign.data.pair_records import ShardRef
from tagalign.data.stream_order import UNITS_PER_STREAM, deal, make_units, walk
from tagalign.errors import DataError, InputError

SIZES = {"a": 5, "b": 0, "c": 7, "d": 1}
REFS = [ShardRef(path=Path(name), kind="tar") for name in SIZES]
TOTAL = sum(SIZES.values())


class Shard:
    def __init__(self, name):
        self.name, self.size = name, SIZES[name]

    def __len__(self):
        return self.size

    def row(self, number):
        raise NotImplementedError

    def pair(self, number):
        raise NotImplementedError


def opened(ref):
    return Shard(str(ref.path))


def places(streams, stream, *, start=(0, 0, 0), seed=3, window=2):
    units = make_units(REFS, streams=streams)
    return walk(units, opened, streams=streams, stream=stream, seed=seed, window=window, start=start)


def names(found):
    return [(place.shard.name, place.number) for place in found]


def epoch_of(streams, stream, epoch):
    found = []
    for place in places(streams, stream):
        if place.cursor[0] > epoch:
            return found
        found += [place] if place.cursor[0] == epoch else []
    return found


@pytest.mark.parametrize("streams", [1, 2, 5])
@pytest.mark.parametrize("epoch", [0, 1])
def test_the_streams_of_an_epoch_hold_every_pair_once(streams, epoch):
    own = [names(epoch_of(streams, stream, epoch)) for stream in range(streams)]
    together = [pair for one in own for pair in one]
    assert sorted(together) == [(name, i) for name in sorted(SIZES) for i in range(SIZES[name])]


def test_epochs_and_seeds_have_orders_of_their_own():
    first, second = names(epoch_of(1, 0, 0)), names(epoch_of(1, 0, 1))
    assert first != second
    other = names(islice(places(1, 0, seed=4), TOTAL))
    assert other != first
    assert names(islice(places(1, 0), TOTAL)) == first


def test_a_walk_entered_anywhere_goes_on_as_if_it_had_not_stopped():
    whole = list(islice(places(2, 1), 40))
    for i in (0, 1, 5, 17, 30):
        again = list(islice(places(2, 1, start=whole[i].after), 9))
        assert names(again) == names(whole[i + 1 : i + 10])
        assert [place.cursor for place in again] == [place.cursor for place in whole[i + 1 : i + 10]]


def test_few_shards_are_cut_so_that_streams_end_about_together():
    assert len(make_units(REFS, streams=1)) == len(REFS)
    for streams in (2, 3, 7):
        units = make_units(REFS, streams=streams)
        assert len(units) >= UNITS_PER_STREAM * streams
        sizes = [len(deal(units, streams=streams, stream=s, seed=0, epoch=0)) for s in range(streams)]
        assert max(sizes) - min(sizes) <= 1
        assert sum(sizes) == len(units)


def test_nothing_to_read_is_said():
    with pytest.raises(InputError, match="at least one shard"):
        make_units([], streams=1)
    units = make_units(REFS, streams=1)
    with pytest.raises(DataError, match="a whole epoch went by without a pair"):
        next(walk(units, lambda ref: None, streams=1, stream=0, seed=0, window=2))

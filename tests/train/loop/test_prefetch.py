"""Prefetching changes when things are made, not what comes out."""

import itertools
import threading
import time

import pytest

from tagalign.train.loop.prefetch import prefetched


def test_items_come_in_order_and_prepared():
    assert list(prefetched(iter(range(20)), prepare=lambda n: n * 2)) == list(range(0, 40, 2))


def test_a_fault_comes_at_its_place():
    def items():
        yield 1
        raise ValueError("broken")

    reader = prefetched(items())
    assert next(reader) == 1
    with pytest.raises(ValueError, match="broken"):
        next(reader)


def test_an_endless_source_stops_with_its_reader():
    made = []
    reader = prefetched((made.append(n) or n for n in itertools.count()), depth=2)
    assert [next(reader) for _ in range(3)] == [0, 1, 2]
    reader.close()
    count = len(made)
    time.sleep(0.05)
    assert len(made) == count <= 3 + 2 + 2
    assert "prefetch" not in {t.name for t in threading.enumerate()}

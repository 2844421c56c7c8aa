"""TagCounter against collections.Counter, with and without spilling."""

from collections import Counter
from random import Random

import pytest

from tagalign.tags.counting import TagCounter


@pytest.mark.parametrize("max_entries", [1, 7, 10_000])
def test_top_equals_a_plain_counter_however_little_memory(max_entries):
    rng = Random(0)
    stream = [f"tag{int(rng.paretovariate(0.5)) % 50}" for _ in range(2000)]
    with TagCounter(max_entries=max_entries) as counter:
        for start in range(0, len(stream), 40):
            counter.add("object", stream[start : start + 40])
        counter.add("attribute", {"red": 3})
        top = counter.top({"object": 10, "attribute": 10})
        assert sorted(counter.counts("object")) == sorted(Counter(stream).values())
    expected = sorted(Counter(stream).items(), key=lambda item: (-item[1], item[0]))[:10]
    assert top == [("object", *item) for item in expected] + [("attribute", "red", 3)]


def test_nothing_counted_gives_nothing():
    with TagCounter() as counter:
        assert counter.top({"object": 5}) == []

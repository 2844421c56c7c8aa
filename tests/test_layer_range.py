"""LayerRange against Python's own slices, and against the layers that the papers name for twelve blocks."""

import math
from fractions import Fraction

import pytest

from tagalign.errors import InputError
from tagalign.layer_range import LayerRange, as_layers


@pytest.mark.parametrize("depth", [1, 2, 7, 12, 24, 32])
@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (-8, None), (-4, -1), (4, 11), (2, None), (None, 3)]
)
def test_a_range_is_a_slice_of_python(depth, start, end):
    text = f"{'' if start is None else start}:{'' if end is None else end}"
    expected = tuple(range(depth)[start:end])
    if expected:
        assert LayerRange(text).at(depth) == expected
    else:
        with pytest.raises(
            InputError, match=f"expected some of 0 to {depth - 1}, '{text}' leaves none of them"
        ):
            LayerRange(text).at(depth)


@pytest.mark.parametrize("depth", range(1, 49))
def test_shares_of_the_depth_are_rounded_down(depth):
    first = math.floor(Fraction(2, 3) * depth)
    # at depths 1 to 3 nothing lies between the ends: the block before the last, or the only one
    assert LayerRange("2/3:-1").at(depth) == (tuple(range(first, depth - 1)) or (max(depth - 2, 0),))
    assert LayerRange("1/3:2/3").at(depth) == (tuple(range(math.floor(Fraction(depth, 3)), first)) or (0,))


def test_layers_of_the_papers_at_twelve():
    assert LayerRange("2/3:-1").at(12) == (8, 9, 10)  # "the last four attention weights except the last one"
    assert LayerRange("1/3:").at(12) == LayerRange("-8:").at(12) == tuple(range(4, 12))
    assert len(LayerRange("-8:").at(7)) == 7  # all of a short encoder ...
    assert LayerRange("1/3:").at(7) == (2, 3, 4, 5, 6)  # ... where a share leaves the early ones out
    assert len(LayerRange("1/3:").at(24)) == 16


def test_numbers_and_ranges_together_are_sorted_and_counted_once():
    assert LayerRange("-1, 3,0:2, 1").at(6) == (0, 1, 3, 5)


def test_what_people_give():
    assert as_layers((8, 9, 10)) == as_layers("8,9,10") == LayerRange("8,9,10")
    assert as_layers(-1).at(5) == (4,)
    assert as_layers(range(3)).at(5) == (0, 1, 2)
    assert as_layers(LayerRange("1/2:")) == LayerRange("1/2:")


@pytest.mark.parametrize("text", ["", "last", "1:2:3", "1/0:", "0.5:", "1/3", "8,,9", "a/3:"])
def test_other_words_are_refused(text):
    with pytest.raises(
        InputError, match=r"layers: expected block numbers such as 8,9,10 or -1, or a range .* got"
    ):
        LayerRange(text)


@pytest.mark.parametrize("value", [(), True, (True,)])
def test_other_values_are_refused(value):
    with pytest.raises(InputError, match="layers: expected"):
        as_layers(value)


@pytest.mark.parametrize(("text", "wrong"), [("8", 8), ("-9", -1), ("0,12", 12)])
def test_a_block_that_is_not_there_is_refused(text, wrong):
    with pytest.raises(InputError, match=rf"expected some of 0 to 7, got \[{wrong}\] in '{text}'"):
        LayerRange(text).at(8)

"""Batches of one kind, against a plain statement of the rule."""

import pytest

from tagalign.apps.server.grouping import choose_batch


@pytest.mark.parametrize(
    ("waiting", "most", "expected"),
    [
        ("", 4, []),
        ("a", 4, [0]),
        ("abab", 2, [0, 2]),  # two passes of one size, not four of one image
        ("abab", 4, [0, 1, 2, 3]),
        ("abbbb", 4, [0]),  # the b come together next time
        ("abbbb", 5, [0, 1, 2, 3, 4]),
        ("aaaaaa", 4, [0, 1, 2, 3]),
        ("abcbd", 4, [0, 1, 2, 3]),
    ],
)
def test_the_next_batch(waiting, most, expected):
    assert choose_batch(waiting, most, str) == expected

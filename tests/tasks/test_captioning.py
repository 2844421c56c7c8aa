"""Tags as people type them."""

import pytest

from tagalign.tasks.captioning import split_tags


@pytest.mark.parametrize(
    ("text", "tags"),
    [("dog", ("dog",)), ("dog, red  frisbee", ("dog", "red frisbee")), (" , dog,,", ("dog",)), ("", ()), (" ", ())],
)  # fmt: skip
def test_empty_pieces_are_dropped(text, tags):
    assert split_tags(text) == tags

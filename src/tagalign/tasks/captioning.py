"""Tags that guide a caption, as people type them."""

from typing import TypeVar

from tagalign.tags.same_label import split_names

Item = TypeVar("Item")


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as people type them: ``"dog, frisbee"``; empty pieces are dropped.

    >>> split_tags("dog, red frisbee,")
    ('dog', 'red frisbee')
    """
    return tuple(filter(None, split_names(text)))

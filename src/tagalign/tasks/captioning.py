"""Captioners that take many images at once, and tags that guide them as people type them."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from tagalign.tags.same_label import split_names
from tagalign.types import Caption


@runtime_checkable
class BatchCaptioner(Protocol):
    """A captioner that takes several images at once, with the result of one by one."""

    def captions(
        self, images: Sequence[Any], tags: Sequence[Sequence[str] | None] | None = None, *, both: bool = False
    ) -> list[Caption]:
        """A sentence per image."""
        ...


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as people type them: ``"dog, frisbee"``; empty pieces are dropped.

    >>> split_tags("dog, red frisbee,")
    ('dog', 'red frisbee')
    """
    return tuple(filter(None, split_names(text)))

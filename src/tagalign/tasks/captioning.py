"""Sentences for many encoded images, a batch at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from tagalign.errors import InputError
from tagalign.tags.same_label import split_names
from tagalign.types import Caption

Item = TypeVar("Item")


@runtime_checkable
class BatchCaptioner(Protocol):
    """A captioner that takes several images at once, with the result of one by one."""

    def captions(
        self, images: Sequence[Any], tags: Sequence[Sequence[str] | None] | None = None, *, both: bool = False
    ) -> list[Caption]:
        """A sentence per image."""
        ...


def caption_images(
    captioner: BatchCaptioner,
    items: Iterable[Item],
    *,
    value: Callable[[Item], Any],
    tags: Sequence[str] | None = None,
    both: bool = False,
    batch_size: int = 16,
) -> Iterator[tuple[Item, Caption]]:
    """Captions in the order of the items.

    Args:
        captioner: the model.
        items: anything that has an encoded image, e.g. a photo.
        value: the image of an item, encoded by the captioner.
        tags: the same guiding tags for all images; recognised ones when None.
        both: given tags first, then recognised ones.
        batch_size: images per batch.

    Raises:
        InputError: if ``both`` is asked for without tags.
    """
    if both and tags is None:
        raise InputError("both needs tags to add to the recognised ones; give some")
    source = iter(items)
    while batch := list(islice(source, batch_size)):
        given = None if tags is None else [tags] * len(batch)
        yield from zip(
            batch, captioner.captions([value(item) for item in batch], given, both=both), strict=True
        )


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as people type them: ``"dog, frisbee"``; empty pieces are dropped.

    >>> split_tags("dog, red frisbee,")
    ('dog', 'red frisbee')
    """
    return tuple(filter(None, split_names(text)))

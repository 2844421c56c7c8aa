"""Which of the waiting images go through the model together."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

One = TypeVar("One")


def choose_batch(waiting: Sequence[One], most: int, kind: Callable[[One], Hashable]) -> list[int]:
    """Places of the next batch: those of one kind with the first, then whole kinds that still fit, as they came.

    An encoder takes images of one size in one pass. The first is always taken, so nobody waits for ever; a kind that does
    not fit whole is left together, for its parts would make two passes of one.

    Args:
        waiting: in the order in which they came.
        most: of a batch, at least 1.
        kind: equal for those that share a pass.

    Returns:
        Ascending; empty where nobody waits.

    Example:
        >>> choose_batch(["a", "b", "a", "b", "a", "c"], 4, str)
        [0, 2, 4, 5]
    """
    kinds: dict[Hashable, list[int]] = {}
    for place, one in enumerate(waiting):
        kinds.setdefault(kind(one), []).append(place)
    chosen: list[int] = []
    for places in kinds.values():
        if not chosen:
            chosen = places[:most]
        elif len(chosen) + len(places) <= most:
            chosen += places
    return sorted(chosen)

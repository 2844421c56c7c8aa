"""The colours in which PASCAL VOC draws ids of classes and objects."""

from functools import cache


@cache
def palette() -> tuple[tuple[int, int, int], ...]:
    """The 256 colours of PASCAL VOC, as ``(red, green, blue)`` in [0, 255].

    Bit ``3 j + c`` of an id becomes bit ``7 - j`` of channel ``c``: near ids get far colours, 0 is black.

    Example:
        >>> palette()[1], palette()[15]
        ((128, 0, 0), (192, 128, 128))
    """
    return tuple(_voc_color(label) for label in range(256))


def _voc_color(label: int) -> tuple[int, int, int]:
    red, green, blue = (sum((label >> (3 * j + c) & 1) << (7 - j) for j in range(3)) for c in range(3))
    return red, green, blue

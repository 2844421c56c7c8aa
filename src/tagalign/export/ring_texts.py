"""Rings as text: millions of corners, but only as many different numbers as the image has rows and columns."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import UInt8

from tagalign.export.polygons.tracing import Outlines
from tagalign.types import Size

CORNERS_AT_A_TIME = 1 << 20  # some 20 MB of text before the padding is dropped


def ring_texts(
    rings: Outlines,
    size: Size,
    x_text: Callable[[int], str],
    y_text: Callable[[int], str],
    *,
    separator: int = 1,
) -> list[str]:
    """``x y x y ...`` of each ring.

    Args:
        rings: with corners inside the image.
        size: of the image.
        x_text: of a column, with what separates it from the row behind it; ASCII.
        y_text: of a row, with what separates it from the next corner.
        separator: characters at the end of ``y_text`` that are dropped behind the last corner.
    """
    tables = [_table(text, side) for text, side in ((x_text, size[1]), (y_text, size[0]))]
    blocks, ends = [], [np.zeros(1, dtype=np.int64)]
    for first in range(0, len(rings.corners), CORNERS_AT_A_TIME):
        corners = rings.corners[first : first + CORNERS_AT_A_TIME]
        letters = np.concatenate([table[corners[:, axis]] for axis, table in enumerate(tables)], axis=1)
        used = letters != 0
        blocks.append(letters[used].tobytes())
        ends.append(ends[-1][-1] + np.cumsum(used.sum(axis=1)))
    text = b"".join(blocks).decode("ascii")
    places = np.concatenate(ends)[rings.bounds].tolist()
    return [text[a : b - separator] for a, b in pairwise(places)]


def _table(text: Callable[[int], str], side: int) -> UInt8[np.ndarray, "places letters"]:
    """Letters of every place from 0 to ``side``, filled up with 0."""
    rows = np.array([text(place).encode("ascii") for place in range(side + 1)])
    return rows.view(np.uint8).reshape(len(rows), -1)

"""Rings as text: millions of corners, but only as many different numbers as the image has rows and columns."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Int, UInt64

from tagalign.export.polygons.tracing import Outlines
from tagalign.labels import Size

CORNERS_AT_A_TIME = 1 << 20  # some 20 MB of text before the padding is dropped
WORD = 8


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
    (x_words, x_sizes), (y_words, y_sizes) = _table(x_text, size[1]), _table(y_text, size[0])
    width = x_words.shape[1]
    blocks, ends = [], [np.zeros(1, dtype=np.int64)]
    for first in range(0, len(rings.corners), CORNERS_AT_A_TIME):
        x, y = rings.corners[first : first + CORNERS_AT_A_TIME].T
        words = np.empty((len(x), width + y_words.shape[1]), dtype=np.uint64)
        for column in range(words.shape[1]):
            words[:, column] = x_words[x, column] if column < width else y_words[y, column - width]
        blocks.append(words.tobytes().translate(None, b"\0"))
        ends.append(ends[-1][-1] + np.cumsum(x_sizes[x] + y_sizes[y]))
    text = b"".join(blocks).decode("ascii")
    places = np.concatenate(ends)[rings.bounds].tolist()
    return [text[a : b - separator] for a, b in pairwise(places)]


def _table(
    text: Callable[[int], str], side: int
) -> tuple[UInt64[np.ndarray, "places words"], Int[np.ndarray, " places"]]:
    """The text of every place from 0 to ``side``, filled up with 0 to whole words of eight letters, and its length.

    Words, because looking up one number per corner is several times as fast as looking up its letters.
    """
    texts = [text(place).encode("ascii") for place in range(side + 1)]
    sizes = np.array([len(one) for one in texts], dtype=np.int64)
    letters = np.array(texts, dtype=f"S{-(-int(sizes.max()) // WORD) * WORD}")
    return letters.view(np.uint64).reshape(len(texts), -1), sizes

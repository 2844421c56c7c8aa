"""Rings as text against one format call per corner."""

import numpy as np

from tagalign.export import ring_texts as module
from tagalign.export.polygons.tracing import Outlines
from tagalign.export.ring_texts import ring_texts

SIZE = (1200, 31)  # long numbers in rows alone, so that both tables have words of their own length


def rings(counts, seed=0):
    draw = np.random.default_rng(seed)
    total = sum(counts)
    corners = np.stack([draw.integers(0, SIZE[1] + 1, total), draw.integers(0, SIZE[0] + 1, total)], axis=1)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return Outlines(corners=corners, bounds=bounds, cuts=np.zeros(total, dtype=bool))


def by_hand(outlines, x_text, y_text, separator):
    texts = []
    for start, end in zip(outlines.bounds[:-1], outlines.bounds[1:], strict=True):
        text = "".join(x_text(int(x)) + y_text(int(y)) for x, y in outlines.corners[start:end])
        texts.append(text[: len(text) - separator])
    return texts


def check(outlines, separator=1):
    def x_text(place):
        return f"{place / SIZE[1]:.6g},"

    def y_text(place):
        return f"{place / SIZE[0]:.9g}" + ";" * separator

    found = ring_texts(outlines, SIZE, x_text, y_text, separator=separator)
    assert found == by_hand(outlines, x_text, y_text, separator)


def test_every_corner_is_written_as_it_is():
    check(rings([3, 1, 40, 5]))
    check(rings([4, 4]), separator=2)


def test_blocks_of_corners_join_without_a_seam(monkeypatch):
    """Rings run over the ends of blocks."""
    monkeypatch.setattr(module, "CORNERS_AT_A_TIME", 7)
    check(rings([3, 11, 2, 5], seed=1))

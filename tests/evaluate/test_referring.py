"""Referring scores against values solved by hand and a plain loop."""

import math

import pytest
import torch

from tagalign.errors import DataError
from tagalign.evaluate.referring import ReferringScores


def mask(*rows):
    return torch.tensor([[cell == "#" for cell in row] for row in rows])


def test_three_expressions_by_hand():
    scores = ReferringScores()
    scores.update(mask("##..", "...."), mask("##..", "...."))  # 2 / 2
    scores.update(mask("####", "...."), mask("##..", "...."))  # 2 / 4: exactly one half counts at 0.5
    scores.update(mask("....", "...."), mask("####", "####"))  # 0 / 8
    assert scores.ious() == [1.0, 0.5, 0.0]
    assert scores.miou() == pytest.approx(0.5, abs=1e-15)
    assert scores.overall_iou() == pytest.approx(4 / 14, abs=1e-15)
    assert scores.precision(0.5) == pytest.approx(2 / 3, abs=1e-15)
    assert scores.precision(0.7) == pytest.approx(1 / 3, abs=1e-15)


def test_random_masks_equal_a_loop():
    generator = torch.Generator().manual_seed(0)
    scores, expected = ReferringScores(), []
    for _ in range(5):
        a, b = torch.rand(2, 6, 7, generator=generator) > 0.5
        scores.update(a, b)
        cells = [(x, y) for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)]
        expected.append(sum(x and y for x, y in cells) / sum(x or y for x, y in cells))
    assert scores.ious() == pytest.approx(expected, abs=1e-15)


def test_two_empty_masks_agree():
    scores = ReferringScores()
    scores.update(mask(".."), mask(".."))
    assert (scores.miou(), scores.overall_iou()) == (1.0, 1.0)


def test_no_expressions_give_nan():
    scores = ReferringScores()
    assert all(math.isnan(value) for value in (scores.miou(), scores.overall_iou(), scores.precision(0.5)))


def test_merge_appends():
    first, second = ReferringScores(), ReferringScores()
    first.add(1, 2)
    second.add(3, 3)
    first.merge(second)
    assert first.ious() == [0.5, 1.0]
    assert len(first) == 2


def test_masks_of_another_size_are_refused():
    with pytest.raises(DataError, match=r"expected a predicted mask of \(1, 2\)"):
        ReferringScores().update(mask("#"), mask("##"))

"""The worst classes and their commonest confusions, counted by hand."""

import pytest
import torch

from tagalign.evaluate.mistakes import TAKEN_FOR, worst_confusions
from tagalign.evaluate.segmentation import Confusion

NAMES = ("sky", "cat", "dog", "car", "bus", "tree", "road")


def confusion(counts):
    """Row: class in the truth, column: answer."""
    found = Confusion(len(NAMES))
    found.matrix += counts
    return found


def test_worst_first_with_what_they_were_taken_for():
    counts = torch.zeros(7, 7, dtype=torch.long)
    counts[0, 0] = 90  # sky: 90 of 100 found, and nothing else called sky
    counts[0, 1] = 10
    counts[1] = torch.tensor([0, 10, 40, 5, 20, 15, 10])  # cat: five other answers, four are told
    counts[2, 2], counts[2, 1] = 30, 10
    found = worst_confusions(confusion(counts), NAMES, count=2)
    assert [mistake.name for mistake in found] == ["cat", "dog"]
    cat, dog = found
    assert cat.right == pytest.approx(0.1)
    assert [name for name, _ in cat.taken_for] == ["dog", "bus", "tree", "road"]
    assert len(cat.taken_for) == TAKEN_FOR
    assert [share for _, share in cat.taken_for] == pytest.approx([0.4, 0.2, 0.15, 0.1])
    assert dog.taken_for == (("cat", pytest.approx(0.25)),)


def test_classes_without_a_pixel_are_no_mistakes():
    counts = torch.zeros(7, 7, dtype=torch.long)
    counts[3, 3] = 5
    counts[3, 0] = 5  # sky was answered, and is nowhere in the truth
    assert [mistake.name for mistake in worst_confusions(confusion(counts), NAMES)] == ["car"]

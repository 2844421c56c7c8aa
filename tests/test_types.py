"""The small arithmetic of the values that travel: names, shares, boxes and orders.

Holds ``labels.py``.
"""

import numpy as np
import pytest
import torch

from tagalign.labels import Label, LabelSet
from tagalign.types import EncodedLabels, Instance, Segmentation, Tagging


def test_labels_have_names_and_a_count():
    labels = LabelSet(name="mine", labels=(Label(name="dog", aliases=("puppy",)), Label(name="cat")))
    assert (labels.names, len(labels)) == (("dog", "cat"), 2)
    rows = torch.eye(3)
    encoded = EncodedLabels(
        method="x", label_set=labels, embeds=rows, owners=torch.tensor([0, 1, 0]), background=rows[:0]
    )
    assert encoded.names == ("dog", "cat")


def test_tags_are_best_first_and_ties_keep_their_order():
    tagging = Tagging(names=("a", "b", "c", "d"), scores=(0.2, 0.9, 0.2, 0.5), chosen=(1, 3))
    assert tagging.tags == ("b", "d")
    assert tagging.top(3) == [("b", 0.9), ("d", 0.5), ("a", 0.2)]
    assert tagging.top(9)[-1] == ("c", 0.2)
    assert tagging.top(0) == []


def test_an_instance_lies_in_its_box():
    inside = torch.tensor([[True, False, True], [False, True, True]])
    one = Instance(label=1, name="dog", score=0.5, box=(2, 1, 5, 3), inside=inside, size=(4, 6))
    full = one.mask.numpy()
    assert full.shape == (4, 6)
    rows, cols = np.nonzero(full)
    assert (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) == one.box
    assert one.area == full.sum() == 4


def test_shares_are_of_the_labels_that_occur_largest_first():
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(1, 4, (9, 7), generator=draw)
    found = Segmentation(labels=labels, names=("a", "b", "c", "d", "e"), scores=torch.zeros(9, 7)).shares()
    assert set(found) == {"b", "c", "d"}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == pytest.approx(1)
    assert found["c"] == int((labels == 2).sum()) / 63

"""Coverage of a tag list by a batch of captions, against counting by hand."""

import numpy as np
import pytest

from tagalign.experiments.tag_coverage import coverage
from tagalign.tags.vocabulary import TagLabels


def test_coverage_counts_distinct_names():
    labels = TagLabels(indptr=np.array([0, 2, 3, 3, 4]), indices=np.array([0, 1, 1, 3], dtype=np.int32))
    assert coverage(labels, 10, 4) == 30.0  # all four captions name 0, 1 and 3
    assert coverage(labels, 10, 100) == 30.0
    rng = np.random.default_rng(0)
    by_hand = [len(set(labels.row(int(rng.choice(4, 1, replace=False)[0])).tolist())) for _ in range(20)]
    assert coverage(labels, 10, 1) == pytest.approx(10 * np.mean(by_hand), abs=0.05)  # printed to one digit

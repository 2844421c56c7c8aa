"""What remains of a tagging benchmark, against plain sets."""

import numpy as np

from tagalign.data.benchmarks.tag_sets import TagSet
from tagalign.data.tag_overlap import benchmark_overlap
from tagalign.labels import Label, LabelSet

NAMES = ("dog", "cat", "boat", "chair")
ROWS = np.array([[1, 0, 0, 0], [0, 0, 1, 1], [0, -1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]], dtype=np.int8)


def data(tmp_path, **more):
    labels = LabelSet(name="four", labels=tuple(Label(name=name, **more) for name in NAMES))
    images = tuple(tmp_path / f"{i}.jpg" for i in range(len(ROWS)))
    return TagSet(name="four", split="test", labels=labels, images=images, rows=ROWS)


def test_categories_and_images_are_those_of_the_sets(tmp_path):
    for mine in ({"dog", "cat"}, {"dog", "cow"}, set(), set(NAMES), {"boat", "chair", "tree"}):
        found = benchmark_overlap(sorted(mine), data(tmp_path))
        shared = mine & set(NAMES)
        present = [{NAMES[j] for j in range(4) if ROWS[i, j] == 1} for i in range(len(ROWS))]
        assert (found.original, found.overlapping, found.images) == (4, len(shared), 5)
        assert found.labelled == sum(bool(tags & shared) for tags in present)

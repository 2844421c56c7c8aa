"""Which share of a tag list the captions of one batch name: what decides whether tags can teach more than captions."""

from collections.abc import Sequence

import numpy as np

from tagalign.tags.vocabulary import TagLabels

BATCHES = 20
"""Batches that the coverage is a mean of."""


def coverage(labels: TagLabels, names: int, batch_size: int) -> float:
    """Percent of a list that the captions of one batch name, mean over random batches; 0 for an empty list.

    Args:
        labels: tags of the captions.
        names: length of the list.
        batch_size: captions of a batch; all of them if there are fewer.
    """
    rng, counts = np.random.default_rng(0), list[int]()
    for _ in range(BATCHES):
        rows: Sequence[int] = rng.choice(len(labels), min(batch_size, len(labels)), replace=False).tolist()
        counts.append(len(set(np.concatenate([labels.row(row) for row in rows]).tolist())))
    return round(100 * float(np.mean(counts)) / max(names, 1), 1)

"""A training task small enough for a test: random features in which three tags can be found."""

import numpy as np
import torch

from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

NUM_PAIRS, GRID = 40, (4, 4)


def make_pairs(width: int, dim: int, seed: int = 0) -> FeaturePairs:
    """Images of 16 patches; image i has tags i % 3 (and 3 where i is even), which show as a direction in its patches."""
    generator = torch.Generator().manual_seed(seed)
    tags = [sorted({i % 3, 3} if i % 2 == 0 else {i % 3}) for i in range(NUM_PAIRS)]
    marks = torch.randn(4, width, generator=generator) * 3
    features = torch.randn(NUM_PAIRS, 16, width, generator=generator)
    for i, own in enumerate(tags):
        features[i, :8] += sum(marks[t] for t in own)
    indptr = np.cumsum([0] + [len(own) for own in tags]).astype(np.int64)
    indices = np.array([t for own in tags for t in own], dtype=np.int32)
    return FeaturePairs(
        store=MemoryStore(features=features.half(), grid=GRID),
        images=np.arange(NUM_PAIRS),
        texts=torch.randn(NUM_PAIRS, dim, generator=generator),
        labels=TagLabels(indptr, indices),
        keys=[f"{i:04d}" for i in range(NUM_PAIRS)],
    )


def make_vocabulary() -> TagVocabulary:
    """Three objects and an attribute, with the counts of ``make_pairs``."""
    return TagVocabulary.of(
        [("object", "cat", 14), ("object", "dog", 13), ("object", "car", 13), ("attribute", "red", 20)]
    )

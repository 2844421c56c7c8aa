"""label_queries against one pixel at a time."""

import math

import pytest
import torch

from tagalign.ops.query_labels import label_queries


@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_it_is_the_plain_loop(threshold):
    cosines = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    owners = torch.tensor([2, 0, 2, 1, 0])
    found = label_queries(cosines, owners, scale=4.0, threshold=threshold, background=1)
    for row in range(3):
        for col in range(4):
            terms = [math.exp(4.0 * c) for c in cosines[:, row, col].tolist()]
            probs = [term / sum(terms) for term in terms]
            best = [max(p for p, owner in zip(probs, owners, strict=True) if owner == c) for c in range(3)]
            wanted = best.index(max(best)) if max(best) >= threshold else 1
            assert int(found[row, col]) == wanted


def test_a_batch_is_one_by_one():
    cosines = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    owners = torch.arange(3)
    whole = label_queries(cosines, owners, scale=40.0)
    assert torch.equal(whole, torch.stack([label_queries(one, owners, scale=40.0) for one in cosines]))

import math

import pytest
import torch

from tagalign.ops import alike
from tagalign.ops.alike import group_alike


def by_loop(embeds, threshold):
    """Leader clustering one photo at a time; of several leaders the nearest."""
    leaders, owners = [], []
    for i, one in enumerate(embeds.tolist()):
        cosines = {j: cosine(one, embeds[j].tolist()) for j in leaders}
        best = max(cosines, key=cosines.get, default=None)
        if best is not None and cosines[best] >= threshold:
            owners.append(best)
        else:
            leaders.append(i)
            owners.append(i)
    return owners


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


@pytest.mark.parametrize("block", [3, 64])
def test_groups_are_those_of_a_loop(block, monkeypatch):
    monkeypatch.setattr(alike, "BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 6, generator=generator)
    embeds = centres[torch.arange(20) % 4] + 0.2 * torch.randn(20, 6, generator=generator)
    owners = group_alike(embeds, threshold=0.9)
    leaders = {i for i, owner in enumerate(owners.tolist()) if owner == i}
    expected = by_loop(embeds, 0.9)
    assert leaders == set(expected)
    assert 1 < len(leaders) < 20
    for i, owner in enumerate(owners.tolist()):
        assert owner == i or cosine(embeds[i].tolist(), embeds[owner].tolist()) >= 0.9 - 1e-6


def test_what_has_no_direction_is_like_nothing():
    embeds = torch.tensor([[0.0, 0.0], [0.0, 0.0], [math.nan, 1.0], [1.0, 0.0], [2.0, 0.0]])
    assert group_alike(embeds).tolist() == [0, 1, 2, 3, 3]
    assert group_alike(torch.zeros(0, 4)).tolist() == []


def test_a_threshold_that_is_no_cosine_is_refused():
    with pytest.raises(ValueError, match="cosine"):
        group_alike(torch.eye(2), threshold=1.5)

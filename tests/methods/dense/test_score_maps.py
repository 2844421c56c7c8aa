"""The best label of maps that are brought to a size a few at a time, against all at once."""

import pytest
import torch
import torch.nn.functional as F

from tagalign.methods.dense import score_maps
from tagalign.methods.dense.score_maps import best_of_maps


@pytest.mark.parametrize("size", [(7, 9), (31, 40), (4, 3)])
@pytest.mark.parametrize("budget", [1, 3 * 31 * 40, 2**22])
def test_the_best_of_some_at_a_time_is_the_best_of_all(monkeypatch, size, budget):
    monkeypatch.setattr(score_maps, "CACHE_BUDGET", budget)
    maps = torch.rand(11, 7, 9, generator=torch.Generator().manual_seed(0))
    whole = F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]
    scores, ids = best_of_maps(maps, size)
    # the same products of float32, summed in another order of the channels
    torch.testing.assert_close(scores, whole.amax(dim=0), rtol=0, atol=1e-6)
    torch.testing.assert_close(whole.gather(0, ids[None])[0], scores, rtol=0, atol=1e-6)


@pytest.mark.parametrize("budget", [1, 2**22])
def test_a_tie_goes_to_the_earlier_label(monkeypatch, budget):
    monkeypatch.setattr(score_maps, "CACHE_BUDGET", budget)
    _, ids = best_of_maps(torch.full((5, 3, 4), 0.25), (6, 8))
    assert not ids.any()

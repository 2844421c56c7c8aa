"""Proxy attention against one pair of patches at a time."""

import math

import pytest
import torch

from tagalign.ops.proxy import mean_similarity, proxy_attention


def case(seed=0, batch=2, width=5, rows=3, cols=4, heads=2, head_dim=3):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, width, rows, cols, generator=generator, dtype=torch.float64)
    values = torch.randn(batch, heads, rows * cols, head_dim, generator=generator, dtype=torch.float64)
    return features, values


def loop(features, values, beta, gamma, *, whole_batch=False):
    """The equations, pair by pair."""
    batch, _, rows, cols = features.shape
    count = rows * cols
    vectors = [[features[b, :, m // cols, m % cols].tolist() for m in range(count)] for b in range(batch)]

    def cosine(x, y):
        return sum(a * c for a, c in zip(x, y, strict=True)) / math.hypot(*x) / math.hypot(*y)

    pairs = [[[cosine(x, y) for y in one] for x in one] for one in vectors]
    means = [sum(map(sum, one)) / count**2 for one in pairs]
    if whole_batch:
        means = [sum(means) / batch] * batch
    made = torch.zeros_like(values)
    for b in range(batch):
        for m in range(count):
            scaled = [gamma * (s - beta * means[b]) for s in pairs[b][m]]
            terms = [math.exp(a) if a >= 0 or n == m else 0.0 for n, a in enumerate(scaled)]
            for n, term in enumerate(terms):
                made[b, :, m] += term / sum(terms) * values[b, :, n]
    return made


@pytest.mark.parametrize("whole_batch", [False, True])
def test_it_is_the_plain_loop(whole_batch):
    features, values = case()
    found = proxy_attention(features, values, beta=1.2, gamma=3.0, whole_batch=whole_batch)
    # float64 sums of twelve terms
    torch.testing.assert_close(
        found, loop(features, values, 1.2, 3.0, whole_batch=whole_batch), atol=1e-12, rtol=0
    )


def test_rows_in_blocks_are_the_whole(monkeypatch):
    features, values = case()
    whole = proxy_attention(features, values, beta=1.2, gamma=3.0)
    monkeypatch.setattr("tagalign.ops.proxy.ROWS", 40)
    blocks = proxy_attention(features, values, beta=1.2, gamma=3.0)
    torch.testing.assert_close(whole, blocks, atol=1e-12, rtol=0)


def test_a_plain_picture_and_one_patch_keep_their_values():
    for shape in ((3, 4), (1, 1)):
        _, values = case(rows=shape[0], cols=shape[1])
        plain = torch.ones(2, 5, *shape, dtype=torch.float64)
        # every pair has cosine 1, which is below 1.2 times the mean: each patch is left with itself
        assert torch.equal(proxy_attention(plain, values, beta=1.2, gamma=3.0), values)


def test_the_mean_is_that_of_all_pairs():
    features, _ = case()
    unit = torch.nn.functional.normalize(features.flatten(2).transpose(1, 2), dim=-1)
    wanted = (unit @ unit.transpose(1, 2)).mean(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(mean_similarity(unit), wanted, atol=1e-12, rtol=0)

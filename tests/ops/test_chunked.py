"""The chunked losses equal the plain ones in value and gradient, and hold no batch x tags matrix."""

import pytest
import torch

from tagalign.ops import losses
from tagalign.ops.chunked import CHUNK_NUMBERS, LARGE, chunk_for, positive_log_probs
from tagalign.ops.tag_losses.asymmetric import asymmetric_tag_loss
from tagalign.ops.tag_losses.focal import focal_tag_loss
from tagalign.ops.tag_losses.weighted import weighted_tag_loss
from tagalign.ops.tag_rows import TagRows

# float64 sums in another order: 1e-12 of their size
TOL = {"rtol": 1e-10, "atol": 1e-12}
TAGS = 23


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 8, generator=generator, dtype=torch.float64) * 2
    w = torch.randn(TAGS, 8, generator=generator, dtype=torch.float64)
    rows = TagRows.from_lists([[0, 22], [], [5], [1, 2, 3, 7], [22], []])
    counts = torch.arange(TAGS, dtype=torch.float64) * 3 + 1
    counts[4] = 0
    counts[12:18] = 0  # whole chunks of tags that never occur
    return x, w, rows, counts


def grads(form, x, log_scale, bias):
    leaves = [t.clone().requires_grad_(True) for t in (x, log_scale, bias)]
    value = form(*leaves)
    value.backward()
    return value.detach(), *(t.grad if t.grad is not None else torch.zeros_like(t) for t in leaves)


@pytest.mark.parametrize("chunk", [1, 4, 5, TAGS, 100])
@pytest.mark.parametrize("scale", [1.0, 30.0, 100.0])
@pytest.mark.parametrize("kind", ["softmax", "balanced", "floor", "weighted", "focal", "asymmetric"])
def test_chunked_equals_plain_in_value_and_gradient(batch, chunk, scale, kind):
    x, w, rows, counts = batch
    prior = losses.log_frequencies(counts)
    weights = losses.inverse_frequencies(counts)

    def form(chunk):
        def value(x, log_scale, bias):
            s = losses.inverse_temperature(log_scale)
            common = {"logit_scale": s, "chunk": chunk}
            return {
                "softmax": lambda: losses.softmax_tag_loss(x, w, rows, **common),
                "balanced": lambda: losses.softmax_tag_loss(x, w, rows, log_prior=prior, **common),
                "floor": lambda: losses.softmax_tag_loss(x, w, rows, prob_floor=1e-8, **common),
                "weighted": lambda: weighted_tag_loss(x, w, rows, tag_weights=weights, **common),
                "focal": lambda: focal_tag_loss(x, w, rows, **common),
                "asymmetric": lambda: asymmetric_tag_loss(x, w, rows, bias=bias, **common),
            }[kind]()

        return value

    start = (x, torch.tensor(scale, dtype=torch.float64).log(), torch.tensor(-1.0, dtype=torch.float64))
    for mine, plain in zip(grads(form(chunk), *start), grads(form(None), *start), strict=True):
        torch.testing.assert_close(mine, plain, **TOL)


def test_gradient_is_that_of_finite_differences(batch):
    x, w, rows, counts = batch
    prior = losses.log_frequencies(counts)

    def form(x, scale):
        kept = rows.keep(rows.tags != 4)
        return positive_log_probs(x, w, kept, unit=losses.unit, logit_scale=scale, log_prior=prior, chunk=5)

    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(form, (losses.unit(x).requires_grad_(True), scale))


def test_untagged_images_get_exactly_no_gradient(batch):
    x, w, rows, _ = batch
    x = x.clone().requires_grad_(True)
    losses.softmax_tag_loss(x, w, rows, logit_scale=20.0, chunk=4).backward()
    assert torch.equal(x.grad[[1, 5]], torch.zeros(2, 8, dtype=torch.float64))


def test_a_batch_without_any_tag_costs_nothing(batch):
    x, w, _, _ = batch
    x = x.clone().requires_grad_(True)
    loss = losses.softmax_tag_loss(x, w, TagRows.from_lists([[]] * 6), logit_scale=20.0, chunk=4)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()


def test_nothing_of_the_size_batch_times_tags_is_kept():
    x, w = torch.randn(32, 4, requires_grad=True), torch.randn(5000, 4)
    rows = TagRows.from_lists([[i] for i in range(32)])
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        losses.softmax_tag_loss(x, w, rows, logit_scale=20.0, chunk=100).backward()
    assert max(kept) <= 5000 * 4  # the tag embeddings themselves
    kept.clear()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        losses.softmax_tag_loss(x, w, rows, logit_scale=20.0).backward()
    assert max(kept) >= 32 * 5000


def test_small_lists_take_the_plain_form():
    assert chunk_for(128, 10_000) is None
    assert chunk_for(4096, 10_000) == CHUNK_NUMBERS // 4096
    assert LARGE < 4096 * 10_000

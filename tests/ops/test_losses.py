"""Training losses against independent loops, known values, golden numbers and invariances.

Holds ``ops/tag_losses/weighted.py``, ``ops/tag_losses/focal.py``, ``ops/tag_losses/asymmetric.py``,
``ops/tag_rows.py``.
"""

import math

import pytest
import torch
from torch import Tensor

from tagalign.errors import InputError
from tagalign.ops import losses
from tagalign.ops.tag_losses.asymmetric import asymmetric_tag_loss
from tagalign.ops.tag_losses.focal import focal_tag_loss
from tagalign.ops.tag_losses.weighted import weighted_tag_loss
from tagalign.ops.tag_rows import TagRows, as_tag_rows

# float64 sums of ~10 terms: 1e-12 leaves three digits of slack and still sees a wrong term.
TOL = {"rtol": 1e-12, "atol": 1e-12}
COUNTS = torch.tensor([50, 7, 1, 200, 12], dtype=torch.int64)

Batch = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 8, generator=generator, dtype=torch.float64) * 3
    w = torch.randn(5, 8, generator=generator, dtype=torch.float64)
    y = torch.tensor([[1, 0, 0, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]], dtype=torch.bool)
    return x, w, y


def cosines(x: Tensor, w: Tensor) -> list[list[float]]:
    return [
        [
            sum(a * b for a, b in zip(i, t, strict=True)) / (math.hypot(*i) * math.hypot(*t))
            for t in w.tolist()
        ]
        for i in x.tolist()
    ]


def softmax_loop(batch: Batch, scale: float, prior: list[float], term: str = "plain") -> float:
    """The formula of the paper, one image and one tag at a time, in plain Python."""
    x, w, y = batch
    weights = [1 / n for n in COUNTS.tolist()]
    total = 0.0
    for cos, tags in zip(cosines(x, w), y.tolist(), strict=True):
        masses = [n * math.exp(scale * c) for n, c in zip(prior, cos, strict=True)]
        picked = []
        for k, (mass, is_tag) in enumerate(zip(masses, tags, strict=True)):
            p = mass / sum(masses)
            factor = {"plain": 1, "weighted": weights[k] * 5 / sum(weights), "focal": (1 - p) ** 2}[term]
            if is_tag:
                picked.append(-factor * math.log(p))
        total += sum(picked) / max(len(picked), 1)
    return total / len(y)


@pytest.mark.parametrize("scale", [1.0, 1 / 0.07, 100.0])
def test_softmax_losses_match_loops(batch: Batch, scale: float) -> None:
    flat, prior = [1.0] * 5, [float(n) for n in COUNTS]
    plain = losses.softmax_tag_loss(*batch, logit_scale=scale)
    balanced = losses.softmax_tag_loss(
        *batch, logit_scale=scale, log_prior=losses.log_frequencies(COUNTS.double())
    )
    weighted = weighted_tag_loss(
        *batch, logit_scale=scale, tag_weights=losses.inverse_frequencies(COUNTS.double())
    )
    focal = focal_tag_loss(*batch, logit_scale=scale)
    expected = [
        softmax_loop(batch, scale, flat),
        softmax_loop(batch, scale, prior),
        softmax_loop(batch, scale, flat, "weighted"),
        softmax_loop(batch, scale, flat, "focal"),
    ]
    # shares 1/|y| are float32: 1/3 is off by 1e-8 of its value
    assert [v.item() for v in (plain, balanced, weighted, focal)] == pytest.approx(expected, rel=1e-7)


def test_asymmetric_loss_matches_loop(batch: Batch) -> None:
    x, w, y = batch
    total = 0.0
    for cos, tags in zip(cosines(x, w), y.tolist(), strict=True):
        for c, is_tag in zip(cos, tags, strict=True):
            p = 1 / (1 + math.exp(-(5 * c - 0.5)))
            q = max(p - 0.05, 0)
            total -= math.log(p) if is_tag else q**4 * math.log(1 - q)
    actual = asymmetric_tag_loss(*batch, logit_scale=5.0, bias=-0.5)
    torch.testing.assert_close(actual.item(), total / 4, **TOL)


def test_contrastive_loss_matches_loop(batch: Batch) -> None:
    x, w, _ = batch
    cos = cosines(x, w[:4])
    total = 0.0
    for n in range(4):
        to_text = sum(math.exp(10 * cos[n][i]) for i in range(4))
        to_image = sum(math.exp(10 * cos[i][n]) for i in range(4))
        total += 0.5 * (math.log(to_text) + math.log(to_image)) - 10 * cos[n][n]
    actual = losses.contrastive_loss(x, w[:4], logit_scale=10.0)
    torch.testing.assert_close(actual.item(), total / 4, **TOL)


def test_parts_of_a_gathered_batch_average_to_the_whole_one(batch: Batch) -> None:
    x, w, _ = batch
    texts = w[:4]
    parts = [
        losses.contrastive_loss(
            x[i : i + 2], texts[i : i + 2], logit_scale=10.0, all_images=x, all_texts=texts, offset=i
        )
        for i in (0, 2)
    ]
    whole = losses.contrastive_loss(x, texts, logit_scale=10.0)
    torch.testing.assert_close(sum(parts) / 2, whole, **TOL)


def test_index_pairs_equal_the_matrix(batch: Batch) -> None:
    x, w, y = batch
    rows = TagRows.from_lists([[0, 3], [1, 2, 3], [], [2]])
    for targets in (y, rows):
        assert losses.softmax_tag_loss(x, w, targets, logit_scale=9.0) == losses.softmax_tag_loss(
            x, w, as_tag_rows(y), logit_scale=9.0
        )
    assert rows.shares().tolist() == pytest.approx([1 / 2] * 2 + [1 / 3] * 3 + [1])
    assert rows.between(2, 4).tags.tolist() == [1, 0, 1, 0]


def test_identical_tags_cost_log_vocabulary(batch: Batch) -> None:
    x, w, _ = batch
    y = torch.ones(4, 5, dtype=torch.bool)
    actual = losses.softmax_tag_loss(x, w[:1].expand(5, -1), y, logit_scale=10.0)
    assert actual.item() == pytest.approx(math.log(5))


def test_equal_counts_change_nothing(batch: Batch) -> None:
    prior = losses.log_frequencies(torch.full((5,), 17))
    torch.testing.assert_close(
        losses.softmax_tag_loss(*batch, logit_scale=30.0, log_prior=prior.double()),
        losses.softmax_tag_loss(*batch, logit_scale=30.0),
        rtol=1e-7,  # log 17 is a float32 number
        atol=0,
    )


def test_image_without_tags_is_counted_and_gets_no_gradient(batch: Batch) -> None:
    x, w, y = batch  # row 2 of y is empty
    x = x.clone().requires_grad_(True)
    loss = losses.softmax_tag_loss(x, w, y, logit_scale=10.0)
    loss.backward()
    assert x.grad is not None
    assert torch.equal(x.grad[2], torch.zeros(8, dtype=torch.float64))
    assert (x.grad[[0, 1, 3]].abs().sum(dim=1) > 0).all()
    tagged = losses.softmax_tag_loss(x[[0, 1, 3]], w, y[[0, 1, 3]], logit_scale=10.0)
    torch.testing.assert_close(loss, tagged * 3 / 4, rtol=1e-7, atol=0)


@pytest.mark.parametrize("scale", [14.0, 100.0])
def test_a_tag_that_never_occurs_is_as_good_as_absent_even_as_a_positive(batch: Batch, scale: float) -> None:
    x, w, y = batch
    counts = COUNTS.clone()
    counts[2] = 0  # positive in rows 1 and 3
    x = x.clone().float().requires_grad_(True)
    loss = losses.softmax_tag_loss(
        x, w.float(), y, logit_scale=scale, log_prior=losses.log_frequencies(counts)
    )
    loss.backward()
    kept = [0, 1, 3, 4]
    without = losses.softmax_tag_loss(
        x, w[kept].float(), y[:, kept], logit_scale=scale, log_prior=losses.log_frequencies(counts[kept])
    )
    assert x.grad is not None
    assert x.grad.isfinite().all()
    torch.testing.assert_close(loss, without)


def test_million_to_one_imbalance_at_the_highest_scale_stays_finite() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 8, generator=generator).requires_grad_(True)
    w = torch.cat([x.detach()[:1], -x.detach()[:1], torch.randn(3, 8, generator=generator)])
    y = torch.zeros(3, 5, dtype=torch.bool)
    y[:, 1] = True  # the rarest tag, opposite to image 0: log p is about -200 - 14
    prior = losses.log_frequencies(torch.tensor([12_000_000, 1, 0, 5, 5]))
    loss = losses.softmax_tag_loss(x, w, y, logit_scale=100.0, log_prior=prior)
    loss.backward()
    assert loss.item() > 200 / 3
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad[1].abs().sum() > 0


def test_released_floor_caps_the_loss_and_its_gradient() -> None:
    x = torch.tensor([[1.0, 0.0]], requires_grad=True)
    w = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    y = torch.tensor([[True, False]])
    loss = losses.softmax_tag_loss(x, w, y, logit_scale=100.0, prob_floor=losses.RELEASED_PROB_FLOOR)
    loss.backward()
    assert loss.item() == pytest.approx(8 * math.log(10))
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros(1, 2))


def test_temperature_stops_at_one_hundred_without_gradient() -> None:
    for start, expected, has_gradient in ((math.log(20), 20.0, True), (5.0, 100.0, False)):
        log_scale = torch.tensor(start, requires_grad=True)
        scale = losses.inverse_temperature(log_scale)
        scale.backward()
        assert scale.item() == pytest.approx(expected)
        assert log_scale.grad is not None
        assert (log_scale.grad.item() > 0) == has_gradient


def test_gradients_are_right_in_double_precision(batch: Batch) -> None:
    x, w, y = batch
    log_scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-0.3, dtype=torch.float64, requires_grad=True)
    x = x.clone().requires_grad_(True)
    prior = losses.log_frequencies(COUNTS.double())
    scale = losses.inverse_temperature
    forms = [
        lambda x, s, b: losses.softmax_tag_loss(x, w, y, logit_scale=scale(s), log_prior=prior) + 0 * b,
        lambda x, s, b: focal_tag_loss(x, w, y, logit_scale=scale(s)) + 0 * b,
        lambda x, s, b: asymmetric_tag_loss(x, w, y, logit_scale=scale(s), bias=b),
        lambda x, s, b: losses.contrastive_loss(x, w[:4], logit_scale=scale(s)) + 0 * b,
    ]
    for form in forms:
        assert torch.autograd.gradcheck(form, (x, log_scale, bias))


def test_half_precision_embeddings_are_summed_in_float32(batch: Batch) -> None:
    x, w, y = batch
    half = losses.softmax_tag_loss(x.bfloat16(), w.bfloat16(), y, logit_scale=100.0)
    full = losses.softmax_tag_loss(x.bfloat16().float(), w.bfloat16().float(), y, logit_scale=100.0)
    assert half.dtype == torch.float32
    assert half == full


def test_norms_of_the_embeddings_do_not_matter(batch: Batch) -> None:
    x, w, y = batch
    torch.testing.assert_close(
        losses.softmax_tag_loss(x * 7, w * 0.1, y, logit_scale=20.0),
        losses.softmax_tag_loss(x, w, y, logit_scale=20.0),
        **TOL,
    )


def test_mean_rarity_is_one_and_absent_tags_weigh_nothing() -> None:
    weights = losses.inverse_frequencies(torch.tensor([4, 0, 1]))
    assert weights.tolist() == pytest.approx([0.4, 0.0, 1.6])


def test_refusals_name_the_value(batch: Batch) -> None:
    with pytest.raises(InputError, match="logit_scale must be positive, got 0"):
        losses.softmax_tag_loss(*batch, logit_scale=0.0)
    with pytest.raises(InputError, match="one of them positive"):
        losses.log_frequencies(torch.zeros(3))
    with pytest.raises(InputError, match=r"0\.\.2, got 0\.\.3"):
        TagRows.from_lists([[0, 3]]).check(num_images=1, num_tags=3)
    with pytest.raises(InputError, match="expected tags of 2 images, got 1"):
        TagRows.from_lists([[0]]).check(num_images=2, num_tags=3)

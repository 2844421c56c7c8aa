"""The estimate against simulated reviews of a folder whose truth is known, and against Clopper and Pearson's interval."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tagalign.tasks.review.precision import Judged, estimate_precision, wrong_share_interval


def reviewed(seed: int, photos: int, looked_at: int, *, together: float, every: int = 5):
    """A reviewer without fault looks at the first photos of a queue; returns the estimate, the truth and the naive share.

    Wrong tags of a photo come ``together`` (small: all or none), and the doubt follows them closely.
    """
    random = np.random.default_rng(seed)
    share = random.beta(0.2 * together, 0.8 * together, photos)
    given = random.integers(0, 5, photos)
    wrong = random.binomial(given, share)
    order = list(np.argsort(-(share + random.normal(0, 0.1, photos))))
    rank = {photo: place for place, photo in enumerate(order)}
    draws, doubts = iter(random.permutation(photos)), iter(order)
    seen: dict[int, bool] = {}
    for place in range(looked_at):
        at_random = place % every == every - 1
        photo = next(one for one in (draws if at_random else doubts) if one not in seen)
        seen[photo] = at_random
    last = max(rank[photo] for photo, at_random in seen.items() if not at_random)
    judged = [
        Judged(given=int(given[p]), wrong=int(wrong[p]), in_rest=at_random and rank[p] > last)
        for p, at_random in seen.items()
    ]
    found = estimate_precision(judged, tags=int(given.sum()))
    looked = list(seen)
    return found, 1 - wrong.sum() / given.sum(), 1 - wrong[looked].sum() / given[looked].sum()


@pytest.mark.parametrize(
    ("photos", "looked_at", "together"), [(300, 60, 2.0), (400, 100, 0.5), (200, 150, 0.5)]
)
def test_the_interval_covers_the_truth_in_at_least_ninety_of_a_hundred_reviews(photos, looked_at, together):
    """95 % is promised; fewer than 90 of 100 would be met with a chance below 3 % then. The naive share is far off."""
    runs = [reviewed(seed, photos, looked_at, together=together) for seed in range(100)]
    covered = sum(found.low - 1e-12 <= truth <= found.high + 1e-12 for found, truth, _ in runs)
    assert covered >= 90
    # the mean over 100 reviews of an unbiased estimate: four standard errors
    errors = np.array([found.value - truth for found, truth, _ in runs])
    assert abs(errors.mean()) < 4 * errors.std() / 10 + 1e-3
    if looked_at < photos / 2:
        assert np.mean([naive - truth for _, truth, naive in runs]) < -0.1


def test_all_photos_judged_give_the_exact_share():
    judged = [Judged(given=2, wrong=i % 3 == 0, in_rest=i % 4 == 0) for i in range(12)]
    found = estimate_precision(judged, tags=24)
    assert found.low == pytest.approx(found.high)
    assert found.value == pytest.approx(1 - 4 / 24)


@pytest.mark.parametrize(("photos", "wrong"), [(20, 0), (20, 20), (20, 3), (1, 0)])
def test_one_tag_a_photo_is_clopper_and_pearson(photos, wrong):
    drawn = [Judged(given=1, wrong=int(i < wrong), in_rest=True) for i in range(photos)]
    expected = binomtest(wrong, photos).proportion_ci(0.95, "exact")
    low, high = wrong_share_interval(drawn)
    assert low <= expected.low + 1e-12
    assert high >= expected.high - 1e-12
    # the variance between photos has n - 1 in its denominator: as one photo less, 0.008 at 20
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_tags_that_err_together_widen_the_interval():
    apart = [Judged(given=4, wrong=1, in_rest=True) for _ in range(25)]
    together = [Judged(given=4, wrong=4 * (i % 4 == 0), in_rest=True) for i in range(25)]
    widths = [high - low for low, high in map(wrong_share_interval, (apart, together))]
    assert widths[1] > 1.5 * widths[0]


def test_skipped_photos_count_as_wrong_at_one_end_and_as_right_at_the_other():
    judged = [Judged(given=1, wrong=0, in_rest=False) for _ in range(8)]
    found = estimate_precision(judged, tags=10, unknown=2)
    assert (found.low, found.high) == pytest.approx((0.8, 1.0))
    assert np.isnan(found.value)


def test_nothing_is_known_of_nothing():
    assert (estimate_precision([], tags=0).low, estimate_precision([], tags=0).high) == (0, 1)
    found = estimate_precision([], tags=10)
    assert (found.low, found.high) == (0, 1)
    assert np.isnan(found.value)


def test_a_review_without_random_draws_promises_nothing_of_the_rest():
    found = estimate_precision([Judged(given=2, wrong=1, in_rest=False)] * 5, tags=100)
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
    assert np.isnan(found.value)

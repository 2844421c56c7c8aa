"""How sure is a number? Intervals from drawing the images again, and paired comparison of two results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tagalign.errors import InputError

DrawWeights = Float[np.ndarray, "draws images"]
"""How often each image was drawn."""

Statistic = Callable[[DrawWeights], Float[np.ndarray, " draws"]]
"""A score for each drawing of the images; a row of ones gives the score itself."""

RESAMPLES = 1000
_CHUNK = 50  # drawings at a time; part of the random stream, so never change it


def drawings(images: int, *, resamples: int, seed: int) -> Iterator[Int[np.ndarray, "draws images"]]:
    """Drawings of ``images`` images with replacement, a few at a time; they depend on the arguments alone."""
    rng = np.random.default_rng(seed)
    shares = np.full(images, 1 / images)
    for start in range(0, resamples, _CHUNK):
        # counts instead of the drawn indices: a statistic is then a product of the counts with sums per image
        yield rng.multinomial(images, shares, size=min(_CHUNK, resamples - start))


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % percentile interval, in the unit of the score."""

    low: float
    high: float


def resample(
    statistic: Statistic, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Float[np.ndarray, " resamples"]:
    """The score of each drawing of the images.

    Args:
        statistic: of drawings.
        images: that were measured.
        resamples: drawings.
        seed: of the drawings; the same one pairs two results image by image.

    Raises:
        InputError: without images.
    """
    if images < 1:
        raise InputError("an interval needs at least one image")
    values = [statistic(w.astype(np.float64)) for w in drawings(images, resamples=resamples, seed=seed)]
    return np.concatenate(values) if values else np.zeros(0)


def interval(values: Float[np.ndarray, " resamples"]) -> Interval:
    """From the 2.5th to the 97.5th percentile; NaN when every drawing gave NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(low=float("nan"), high=float("nan"))
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(low=float(low), high=float(high))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Score of the second result minus score of the first, on the same drawings of the same images.

    Attributes:
        value: of all images.
        low: end of the 95 % interval.
        high: other end.
        p: two-sided share of drawings on the other side of zero; at least 1 / resamples.
        beyond_noise: whether the interval leaves out zero.
    """

    value: float
    low: float
    high: float
    p: float
    beyond_noise: bool


def paired_difference(
    first: Statistic, second: Statistic, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Paired bootstrap: both scores on each drawing.

    Args:
        first: the statistic compared with.
        second: the statistic in question.
        images: that both measured, in one order.
        resamples: drawings; the smallest p that they can show is ``1 / resamples``.
        seed: of the drawings.

    Raises:
        InputError: without images.
    """
    one = np.ones((1, images))
    value = float(second(one)[0] - first(one)[0])
    a = resample(first, images, resamples=resamples, seed=seed)
    b = resample(second, images, resamples=resamples, seed=seed)
    gaps = (b - a)[~np.isnan(b - a)]
    ends = interval(gaps)
    if not len(gaps):
        return Difference(value=value, low=ends.low, high=ends.high, p=1.0, beyond_noise=False)
    p = 2 * min(float((gaps <= 0).mean()), float((gaps >= 0).mean()))
    return Difference(
        value=value,
        low=ends.low,
        high=ends.high,
        p=min(1.0, max(p, 1 / len(gaps))),
        beyond_noise=ends.low > 0 or ends.high < 0,
    )

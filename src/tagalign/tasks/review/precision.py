"""How many of a run's tags are right, from the photos that a person has judged; the queue's order may not decide the answer.

Photos are judged in the order of the queue: those the model doubts come first, and every few places one that was drawn at
random. Everything up to the last doubt that was judged is counted as it is, for it speaks of itself alone. The rest is
estimated from the random draws in it: ranks were fixed before the draws, so these are a simple random sample of the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betaincinv, stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo that was judged.

    Attributes:
        given: tags that the run gave it.
        wrong: of them, those that a person took away.
        in_rest: that it was drawn at random, from behind the last doubt that was judged; else it counts for itself alone.
    """

    given: int
    wrong: int
    in_rest: bool


@dataclass(frozen=True, kw_only=True)
class TagPrecision:
    """Share of the tags of a run that are right, in [0, 1].

    Attributes:
        value: the estimate; NaN while there are tags in the rest and none was drawn.
        low: lower end of the interval.
        high: upper end of the interval.
        judged: photos that were judged.
        in_rest: of them, those drawn at random from the rest.
    """

    value: float
    low: float
    high: float
    judged: int
    in_rest: int

    def __str__(self) -> str:
        """In a sentence for people."""
        if math.isnan(self.value):
            return (
                "how many of the run's tags are right is not known before photos drawn at random are judged"
            )
        return (
            f"about {100 * self.value:.0f} % of the run's tags are right "
            f"(95 % interval: {100 * max(0.0, self.low):.0f} to {100 * self.high:.0f} %)"
        )


def estimate_precision(
    judged: Sequence[Judged], *, tags: int, unknown: int = 0, confidence: float = CONFIDENCE
) -> TagPrecision:
    """Precision of all tags of a run: ``1 - (W_known + r T_rest) / T``.

    ``W_known`` are the wrong tags of the photos that count for themselves, ``T_rest`` the tags of all others, and ``r`` the
    share of wrong tags among the photos drawn at random from the rest (a ratio estimate). Its interval is that of Korn and
    Graubard: Clopper and Pearson's with the number of tags divided by the design effect, because the tags of one photo
    err together. The number of wrong tags in the rest is then kept between what was seen and what can still come.

    Args:
        judged: the photos that were judged.
        tags: T, that the run gave to all photos, judged or not.
        unknown: of them, those of photos that a person skipped. The estimate takes them to be as the rest; the interval
            takes them all as wrong at its lower end and all as right at its upper one, for who skips has a reason.
        confidence: of the interval, in (0, 1).

    Returns:
        The estimate; [0, 1] where the run gave no tag, and the exact share when all photos are judged. The interval holds
        for a number of photos that was chosen without a look at the estimate.

    Reference:
        Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts estimated
        from survey data, Survey Methodology 24 (1998).
    """
    if not tags:
        return TagPrecision(value=math.nan, low=0.0, high=1.0, judged=len(judged), in_rest=0)
    drawn = [one for one in judged if one.in_rest]
    known = [one for one in judged if not one.in_rest]
    wrong_drawn, tags_drawn = _sums(drawn)
    wrong_known, tags_known = _sums(known)
    rest = tags - tags_known - unknown
    low, high = wrong_share_interval(drawn, confidence=confidence)
    fewest = max(low * rest, wrong_drawn)
    most = max(fewest, min(high * rest, wrong_drawn + rest - tags_drawn))
    share = wrong_drawn / tags_drawn if tags_drawn else math.nan if rest + unknown else 0.0
    return TagPrecision(
        value=1 - (wrong_known + share * (rest + unknown)) / tags,
        low=1 - (wrong_known + most + unknown) / tags,
        high=1 - (wrong_known + fewest) / tags,
        judged=len(judged),
        in_rest=len(drawn),
    )


def _sums(judged: Sequence[Judged]) -> tuple[int, int]:
    """Wrong tags, and all tags."""
    return sum(one.wrong for one in judged), sum(one.given for one in judged)


def wrong_share_interval(drawn: Sequence[Judged], *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of the share of wrong tags among photos like those drawn; (0, 1) without a tag.

    Where no photo or every tag is wrong the tags cannot tell how much they err together: each photo counts once then.
    """
    photos = sum(one.given > 0 for one in drawn)
    wrong, tags = _sums(drawn)
    if not tags:
        return 0.0, 1.0
    share = wrong / tags
    size = _effective_size(drawn, share, confidence) if 0 < wrong < tags and photos > 1 else float(photos)
    return _clopper_pearson(share * size, size, confidence)


def _effective_size(drawn: Sequence[Judged], share: float, confidence: float) -> float:
    """The number of independent tags that would tell as much: at most all tags; never below one photo's worth."""
    photos, tags = len(drawn), _sums(drawn)[1]
    spread = sum((one.wrong - share * one.given) ** 2 for one in drawn)
    variance = photos / (photos - 1) * spread / tags**2
    size = share * (1 - share) / variance if variance > 0 else float(tags)
    # few photos tell little of how their tags err together
    end = 1 - (1 - confidence) / 2
    correction = (stdtrit(tags - 1, end) / stdtrit(photos - 1, end)) ** 2 if tags > 1 else 1.0
    return float(max(1.0, min(tags, size * correction)))


def _clopper_pearson(hits: float, size: float, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's interval, continued to sizes that are no whole numbers."""
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, size - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, size - hits, 1 - tail)) if hits < size else 1.0
    return low, high

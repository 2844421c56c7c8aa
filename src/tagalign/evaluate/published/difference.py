"""A measured number beside the published one."""

from collections.abc import Sequence
from dataclasses import dataclass

from tagalign.evaluate.bootstrap import Interval
from tagalign.evaluate.published.numbers import Published
from tagalign.evaluate.results import Result, number, title


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """One number, ours and theirs.

    Attributes:
        published: what the paper prints.
        ours: what was measured; NaN where the metric has no value.
        interval: its 95 % interval over the images; None without drawings.
        counted: images, expressions or questions behind ours.
        drawn: whether they were drawn: then the difference means nothing.
    """

    published: Published
    ours: float
    interval: Interval | None
    counted: int
    drawn: bool

    @property
    def difference(self) -> float:
        """Ours minus theirs, points."""
        return self.ours - self.published.value

    @property
    def verdict(self) -> str:
        """In words: whether theirs lies in our interval."""
        if self.drawn:
            return "rehearsed"
        if self.interval is None:
            return "measured"
        return (
            "equal within noise"
            if self.interval.low <= self.published.value <= self.interval.high
            else "differs"
        )


def reproduction(published: Published, result: Result) -> Reproduction:
    """Put a result beside the number that it was measured for.

    Raises:
        KeyError: if the result lacks the metric; ``tagalign evaluate`` writes all of a kind.
    """
    return Reproduction(
        published=published,
        ours=result.metrics[published.metric],
        interval=result.intervals.get(published.metric),
        counted=result.counted,
        drawn=bool(result.settings.get("drawn_copy")),
    )


def reproduction_table(done: Sequence[Reproduction]) -> str:
    """Ours, theirs, the difference, what is not the same; Markdown."""
    lines = [
        "| number | metric | theirs | ours | difference | | not the same |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for one in done:
        interval = f" [{number(one.interval.low)}, {number(one.interval.high)}]" if one.interval else ""
        gap = "-" if one.drawn else f"{one.difference:+.1f}"
        cells = [
            one.published.id,
            title(one.published.metric),
            number(one.published.value),
            number(one.ours) + interval,
            gap,
            one.verdict,
            "; ".join(one.published.differs),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

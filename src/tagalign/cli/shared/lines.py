"""How far long work is, in a pipe: a line now and then, with what is done, what there is, and the time left."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any

EVERY_S = 30.0
GROWTH = 0.05
"""Of the time so far, between two lines: a night's work says about a hundred."""


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


class Pace:
    """Says how far one piece of work is: at most once in ``every_s`` seconds, and ever more rarely.

    Args:
        what: the work, as the line begins.
        total: steps of it; None where nobody knows.
        say: gets the line.
        clock: seconds, only ever forward.
        every_s: seconds between two lines; work shorter than that says nothing.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        *,
        say: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
    ) -> None:
        self._what, self._total, self._say, self._clock, self._every_s = what, total, say, clock, every_s
        self._start = self._said = clock()

    def to(self, done: int, numbers: Callable[[], str] = str) -> None:
        """So much is done.

        Args:
            done: steps.
            numbers: what else the line says; asked for when there is one.
        """
        now = self._clock()
        if now - self._said < max(self._every_s, GROWTH * (now - self._start)) or done <= 0:
            return
        self._said = now
        parts = [f"{done:,} done" if self._total is None else f"{done:,} of {self._total:,}", numbers()]
        if self._total is not None:
            parts.append(f"{duration((now - self._start) * max(self._total - done, 0) / done)} left")
        self._say(f"    {self._what}: {', '.join(filter(None, parts))}")


def paced(items: Iterable[Any], what: str, *, total: int | None = None) -> Iterator[Any]:
    """Pass items on and say now and then how far they are."""
    pace = Pace(what, len(items) if total is None and isinstance(items, Sized) else total)
    for done, item in enumerate(items, start=1):
        yield item
        pace.to(done)


def duration(seconds: float) -> str:
    """Seconds below two minutes, hours from three on, minutes between.

    >>> duration(45.2), duration(150.0), duration(90_000.0)
    ('45 s', '2.5 min', '25 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3 * 3600 else f"{seconds / 3600:.0f} h"

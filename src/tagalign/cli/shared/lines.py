"""How far long work is, in a pipe: a line now and then, with what is done, what there is, and the time left."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any

EVERY_S = 10.0


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


class Pace:
    """Says how far one piece of work is, at most once in ``every_s`` seconds.

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

    def to(self, done: int) -> None:
        """So much is done."""
        now = self._clock()
        if now - self._said < self._every_s or done <= 0:
            return
        self._said = now
        if self._total is None:
            self._say(f"    {self._what}: {done:,} done")
            return
        left = (now - self._start) * (self._total - done) / done
        self._say(f"    {self._what}: {done:,} of {self._total:,}, {duration(left)} left")


def paced(items: Iterable[Any], what: str) -> Iterator[Any]:
    """Pass items on and say now and then how far they are."""
    pace = Pace(what, len(items) if isinstance(items, Sized) else None)
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
